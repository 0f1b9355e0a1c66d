/**
 * Versions that give way to others: they take no more jobs, finish those in hand and are let go of. Gateways see them as
 * loadable at once: what they send from now on waits in the queue, and the version is asked for again.
 *
 * Invariants: one that was idle goes only while its queues are empty; a busy one goes only to take turns, and what is in
 * its queues makes it wanted on this worker at once; for a moment after, its queues are looked at, for a gateway that had
 * not heard yet asks nobody.
 */
import type { VersionQueues } from '#inference';
import type { WorkerContext } from '../../context.js';
import type { Loading } from '../loading.js';
import type { ServedModels } from '../served-models.js';
import type { Version } from '../version.js';

/** Gateways look twice a second. */
const WATCHED_MS = 3_000;

export interface EvictionsOptions {
  context: WorkerContext;
  models: ServedModels;
  loading: Loading;
  queues: VersionQueues;
  /** Something has gone. */
  look: () => void;
}

export class Evictions {
  private readonly going = new Set<Version>();
  private readonly watched = new Map<Version, number>();

  constructor(private readonly options: EvictionsOptions) {}

  get underWay(): number {
    return this.going.size;
  }

  /** None goes when one of them has jobs, unless `evenBusy`. */
  async begin(versions: readonly Version[], evenBusy: boolean): Promise<void> {
    const { loading, queues } = this.options;
    // Whoever has asked for it until now has seen it ready since; who asks from now on is to be heard.
    for (const version of versions) await loading.settled(version);
    const busy = await queues.anyJobs(versions);
    if (!evenBusy && busy.includes(true)) return;
    for (const version of versions) {
      if (version.state !== 'ready' || !(evenBusy || version.isIdle)) continue;
      this.going.add(version);
      void this.evict(version);
    }
  }

  /** Of those that went lately the ones that have jobs again, or still. */
  async missed(): Promise<Version[]> {
    const now = performance.now();
    for (const [version, until] of this.watched) {
      if (now > until || version.state !== 'loadable') this.watched.delete(version);
    }
    const versions = [...this.watched.keys()];
    const busy = await this.options.queues.anyJobs(versions);
    return versions.filter((_, i) => busy[i]);
  }

  private async evict(version: Version): Promise<void> {
    const { models, context, look } = this.options;
    models.makeRoom(version);
    try {
      await models.endConsuming(version);
      await models.release(version);
      context.metrics.evictions.inc({ model: version.name, version: version.version });
    } catch (error) {
      context.log.error({ model: version.key, reason: String(error) }, 'a version did not make room in order');
    }
    this.going.delete(version);
    this.watched.set(version, performance.now() + WATCHED_MS);
    models.move(version, 'loadable');
    look();
  }
}
