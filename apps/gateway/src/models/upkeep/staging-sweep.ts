/**
 * Removes what uploads have left in the store's staging folder when their gateway died. Packages themselves are removed
 * with their version alone: what this Redis does not know may be another's, or be known again from a backup.
 */
import type { GatewayContext } from '../../context.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';
import type { Packages } from '../packages/packages.js';

const EVERY_MS = 600_000;

export class StagingSweep {
  private sweepAt = 0;

  constructor(
    private readonly context: Pick<GatewayContext, 'clock' | 'log'>,
    private readonly catalog: Pick<ModelCatalog, 'view'>,
    private readonly packages: Pick<Packages, 'store'>,
  ) {}

  async round(): Promise<void> {
    const now = this.context.clock.now();
    const isUsed = [...this.catalog.view.versions.values()].some(({ registration }) => registration !== undefined);
    if (now < this.sweepAt || !isUsed) return;
    this.sweepAt = now + EVERY_MS;
    const swept = await (await this.packages.store()).sweepStaging();
    if (swept > 0) this.context.log.info({ swept }, 'removed what cut uploads had left');
  }
}
