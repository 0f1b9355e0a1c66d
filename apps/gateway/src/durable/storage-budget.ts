/** How many bytes the inputs and outputs of durable predictions may take. */
import type { GatewayContext } from '../context.js';

/** Where Redis has no limit of its own. */
const ASSUMED_MAX_MEMORY = 1024 * 1024 * 1024;

export class StorageBudget {
  constructor(private readonly context: GatewayContext) {}

  get bytes(): number {
    return Math.round(ASSUMED_MAX_MEMORY * this.context.config.storageShare);
  }
}
