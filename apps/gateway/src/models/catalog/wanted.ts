/**
 * Tells workers that requests wait for versions that none of them holds.
 *
 * Invariant: a version is told of at most once in EVERY_MS, however many requests ask for it.
 */
import type { Registry } from '#inference';

const EVERY_MS = 1_000;
/** As many as one message may name. */
const AT_ONCE = 1_000;

export class Wanted {
  private readonly told = new Map<string, number>();
  private waiting = new Set<string>();

  constructor(private readonly registry: Pick<Registry, 'want'>) {}

  tell(key: string): void {
    const now = performance.now();
    if (now - (this.told.get(key) ?? -Infinity) < EVERY_MS) return;
    this.told.set(key, now);
    if (this.waiting.size === 0) setImmediate(() => this.flush(now));
    this.waiting.add(key);
  }

  private flush(now: number): void {
    const keys = [...this.waiting];
    this.waiting = new Set();
    for (const [key, at] of this.told) if (now - at >= EVERY_MS) this.told.delete(key);
    for (let i = 0; i < keys.length; i += AT_ONCE) {
      const some = keys.slice(i, i + AT_ONCE);
      // Redis is away: the next request tells again.
      this.registry.want(some).catch(() => some.forEach((key) => this.told.delete(key)));
    }
  }
}
