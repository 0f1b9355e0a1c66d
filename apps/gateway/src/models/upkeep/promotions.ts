/** Versions that were registered to become the default do so as soon as a worker has them ready, and not before. */
import type { GatewayContext } from '../../context.js';
import type { Audit } from '../audit.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';

/** In the log, in place of a request. */
const BY_UPKEEP = 'upkeep';

export class Promotions {
  constructor(
    private readonly context: Pick<GatewayContext, 'registry'>,
    private readonly catalog: Pick<ModelCatalog, 'view' | 'look'>,
    private readonly audit: Audit,
  ) {}

  async round(): Promise<void> {
    let changed = false;
    for (const { name, version, registration, slots } of this.catalog.view.versions.values()) {
      if (registration?.promote === undefined || slots === 0) continue;
      if (!(await this.context.registry.promote({ name, version }))) continue;
      changed = true;
      const by = { owner: registration.head.by, request: BY_UPKEEP };
      await this.audit.of({ action: 'promote', model: name, version, by }, () => Promise.resolve());
    }
    if (changed) await this.catalog.look();
  }
}
