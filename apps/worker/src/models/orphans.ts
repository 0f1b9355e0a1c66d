/**
 * Versions that have jobs and no consumer in the whole fleet: their worker died while it drained, or a prediction came up
 * for another try after the last worker had let go. Whoever finds one takes it on.
 *
 * Looks at most once in EVERY_MS, in one round trip for all versions, and asks the fleet only where jobs are.
 */
import { modelKey, type FleetReader, type Heartbeat, type VersionQueues } from '#inference';
import type { Version } from './version.js';

const EVERY_MS = 5_000;
const CONSUMING: Heartbeat['versions'][number]['state'][] = ['starting', 'ready', 'draining'];

export class Orphans {
  private lookedAt = -Infinity;

  constructor(
    private readonly worker: string,
    private readonly fleet: Pick<FleetReader, 'workers'>,
    private readonly queues: VersionQueues,
  ) {}

  /** Of versions that this worker does not hold those that nobody does though jobs wait; undefined: not looked yet. */
  async find(versions: readonly Version[]): Promise<Version[] | undefined> {
    const now = performance.now();
    if (now - this.lookedAt < EVERY_MS) return undefined;
    this.lookedAt = now;
    const busy = await this.queues.anyJobs(versions);
    const waiting = versions.filter((_, i) => busy[i]);
    if (waiting.length === 0) return waiting;
    const others = (await this.fleet.workers()).filter(({ worker }) => worker !== this.worker);
    const consumed = new Set(
      others.flatMap((worker) =>
        worker.versions
          .filter(({ state }) => CONSUMING.includes(state))
          .map(({ name, version }) => modelKey(name, version)),
      ),
    );
    return waiting.filter(({ key }) => !consumed.has(key));
  }
}
