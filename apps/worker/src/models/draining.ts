/**
 * Versions that are to be unloaded: they take their jobs until none is left, and are then let go of.
 *
 * A gateway may send for a moment what it accepted before it heard, so a version leaves only when it has been without
 * jobs for a while, and looks once more when it has stopped taking them.
 *
 * Invariants: a version leaves with its queues empty and nothing of it in hand; all that leave are looked after in one
 * round trip; one that is wanted again goes on taking jobs as if nothing had been.
 */
import type { VersionQueues } from '#inference';
import type { ServedModels } from './served-models.js';
import type { Version } from './version.js';

/** A gateway hears within half a second that a version takes nothing new, and what it has sent by then has come. */
const QUIET_MS = 2_000;

interface Leaving {
  version: Version;
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

  begin(version: Version): void {
    this.models.move(version, 'draining');
    this.leaving.set(version.key, { version, quietSince: performance.now(), isClosing: false });
  }

  /** It is wanted again, and stays unless it has let go already. */
  stay(version: Version): void {
    if (this.abandon(version)) this.models.move(version, 'ready');
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
    const waits = [...this.leaving.values()].map(({ quietSince }) => (quietSince ?? now) + QUIET_MS - now);
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
  }

  async look(): Promise<void> {
    const all = [...this.leaving.values()].filter(({ isClosing }) => !isClosing);
    const busy = await this.queues.anyJobs(all.map(({ version }) => version));
    const now = performance.now();
    all.forEach((leaving, i) => {
      if (this.leaving.get(leaving.version.key) !== leaving) return;
      if (busy[i] || !leaving.version.isIdle) leaving.quietSince = undefined;
      else leaving.quietSince ??= now;
      if (leaving.quietSince === undefined || now - leaving.quietSince < QUIET_MS) return;
      leaving.isClosing = true;
      // What was left undone is done at the next look.
      void this.close(leaving).catch(() => (leaving.isClosing = false));
    });
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
    this.models.move(version, 'loadable');
  }
}
