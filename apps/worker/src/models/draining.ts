/**
 * Versions on their way out: they take their jobs until none is left, and are then let go of.
 *
 * A gateway may send for a moment what it accepted before it heard, so a version leaves only when it has been without
 * jobs for a while, and looks once more when it has stopped taking them.
 *
 * Invariants: a version leaves with its queues empty and nothing of it in hand; all that leave are looked after in one
 * round trip; whoever is told to stay goes on taking jobs as if nothing had been.
 */
import type { VersionQueues } from '#inference';
import type { ServedModels } from './served-models.js';
import type { Version } from './version.js';

export interface Leave {
  version: Version;
  /** Milliseconds that it must have been without jobs. */
  quietMs: number;
  /** Milliseconds after which it stays after all; never unless given. */
  patienceMs?: number;
  /** To make room, whether it is wanted or not. */
  isForRoom?: boolean;
  /** Executors have let go of it. */
  gone(): void;
}

interface Leaving extends Leave {
  since: number;
  quietSince: number | undefined;
  /** It takes no more jobs. */
  isClosing: boolean;
}

export class Draining {
  private readonly leaving = new Map<string, Leaving>();

  constructor(
    private readonly models: ServedModels,
    private readonly queues: VersionQueues,
  ) {}

  get size(): number {
    return this.leaving.size;
  }

  begin(leave: Leave): void {
    const now = performance.now();
    this.models.move(leave.version, 'draining');
    this.leaving.set(leave.version.key, { ...leave, since: now, quietSince: now, isClosing: false });
  }

  /** Versions that go to make room. */
  get forRoom(): number {
    return [...this.leaving.values()].filter(({ isForRoom }) => isForRoom).length;
  }

  /** It is wanted again: it stays, unless it goes to make room or has let go already. */
  stayWanted(version: Version): void {
    const leaving = this.leaving.get(version.key);
    if (leaving && !leaving.isForRoom && !leaving.isClosing) this.stay(version);
  }

  /** Whoever called looks after it from now on; false when it is not leaving, or nearly gone. */
  abandon({ key }: Version): boolean {
    const leaving = this.leaving.get(key);
    if (!leaving || leaving.isClosing) return false;
    return this.leaving.delete(key);
  }

  /** Milliseconds until something may be due; undefined when nothing leaves. */
  dueIn(): number | undefined {
    const now = performance.now();
    const waits = [...this.leaving.values()].map(({ quietSince, quietMs }) =>
      quietSince === undefined ? quietMs : quietSince + quietMs - now,
    );
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
  }

  async look(): Promise<void> {
    const all = [...this.leaving.values()].filter(({ isClosing }) => !isClosing);
    const busy = await this.queues.anyJobs(all.map(({ version }) => version));
    const now = performance.now();
    all.forEach((leaving, i) => {
      const { version, quietMs, since, patienceMs = Infinity } = leaving;
      if (this.leaving.get(version.key) !== leaving) return;
      if (busy[i] || !version.isIdle) {
        leaving.quietSince = undefined;
        if (now - since > patienceMs) this.stay(version);
        return;
      }
      leaving.quietSince ??= now;
      if (now - leaving.quietSince < quietMs) return;
      leaving.isClosing = true;
      // What was left undone is done at the next look.
      void this.close(leaving).catch(() => (leaving.isClosing = false));
    });
  }

  private stay(version: Version): void {
    this.leaving.delete(version.key);
    this.models.move(version, 'ready');
  }

  private async close(leaving: Leaving): Promise<void> {
    const { version } = leaving;
    await this.models.endConsuming(version);
    const [late] = await this.queues.anyJobs([version]);
    if (late) {
      await this.models.consume(version);
      leaving.isClosing = false;
      leaving.quietSince = undefined;
      return;
    }
    await this.models.release(version);
    this.leaving.delete(version.key);
    leaving.gone();
  }
}
