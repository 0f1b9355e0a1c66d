/** What waits and what is kept, as every gateway shows it: the same figures of the one Redis. */
import { STORED } from '#inference';
import type { GatewayContext } from '../context.js';
import type { StorageBudget } from './storage-budget.js';

const EVERY_MS = 2_000;

export type GaugesContext = Pick<GatewayContext, 'redis' | 'keys' | 'clock' | 'ledger' | 'metrics'>;

export class UpkeepGauges {
  constructor(
    private readonly context: GaugesContext,
    private readonly budget: Pick<StorageBudget, 'bytes'>,
  ) {}

  /** One reading; ms until the next. */
  async round(): Promise<number> {
    const { redis, keys, clock, ledger, metrics } = this.context;
    const [pending, size, [, oldest], owners, stored] = await Promise.all([
      redis.zcard(keys.due),
      redis.zcard(keys.outbox),
      redis.zrange(keys.outbox, '0', '0', 'WITHSCORES'),
      redis.smembers(keys.deadOwners),
      ledger.stored(),
    ]);
    const dead = await Promise.all(owners.map((owner) => redis.zcard(keys.dead(owner))));
    metrics.pending.set(pending);
    metrics.outboxSize.set(size);
    metrics.outboxAge.set(oldest === undefined ? 0 : Math.max(0, clock.now() - Number(oldest)) / 1_000);
    metrics.deadLetters.set(dead.reduce((sum, count) => sum + count, 0));
    for (const what of STORED) metrics.storage.set({ what }, stored[what]);
    metrics.storageBudget.set(this.budget.bytes);
    return EVERY_MS;
  }
}
