/**
 * Versions that no worker has ready though something waits for them: they are wanted for as long as that is so.
 *
 * - With jobs, whoever asked first: nothing that was accepted is left without a consumer, an unloaded version's included.
 * - Registered to become the default: nobody asks for those by requests before they are it, and where memory is short
 *   workers load only what is asked for.
 */
import { VersionQueues } from '#inference';
import type { GatewayContext } from '../../context.js';
import { isClosed, type KnownVersion } from '../catalog/fleet-snapshot.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';

const EVERY_MS = 5_000;
/** Counted in one round trip. */
const AT_ONCE = 200;

export class StarvedVersions {
  private readonly queues: VersionQueues;
  private lookAt = 0;

  constructor(
    private readonly context: Pick<GatewayContext, 'redis' | 'keys' | 'registry' | 'clock'>,
    private readonly catalog: Pick<ModelCatalog, 'all'>,
  ) {
    this.queues = new VersionQueues(context.redis, context.keys);
  }

  async round(): Promise<void> {
    const now = this.context.clock.now();
    if (now < this.lookAt) return;
    this.lookAt = now + EVERY_MS;
    const away = this.catalog.all().filter(({ slots }) => slots === 0);
    for (let i = 0; i < away.length; i += AT_ONCE) {
      const some = away.slice(i, i + AT_ONCE);
      const starved = await this.queues.anyJobs(some);
      await this.context.registry.want(
        some.filter((each, at) => starved[at] || isToBeDefault(each)).map(({ key }) => key),
      );
    }
  }
}

function isToBeDefault(version: KnownVersion): boolean {
  return version.registration?.promote !== undefined && !isClosed(version);
}
