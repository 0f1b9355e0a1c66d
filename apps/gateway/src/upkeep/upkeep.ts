/**
 * What keeps accepted predictions alive whatever crashes. Every gateway drains the outbox; one at a time, by a lease,
 * reconciles what is due, sweeps what has been kept its time, and runs the chores of other parts.
 *
 * Invariants: a holder that dies is followed within LEASE_MS + RENEW_MS, one that stops at once; two at the same time,
 * after a pause of the first, do no harm, for every step is a script that applies once; a chore that fails keeps no
 * other waiting.
 */
import { Lease } from '#inference';
import type { GatewayContext } from '../context.js';
import { OutboxDrain } from './outbox-drain.js';
import { Reconciler } from './reconciler.js';
import { Rounds } from './rounds.js';
import type { StorageBudget } from './storage-budget.js';
import { UpkeepGauges } from './upkeep-gauges.js';

const LEASE_MS = 6_000;
const RENEW_MS = 2_000;
const CHORE_MS = 1_000;
const SWEEP_AT_ONCE = 256;
/** Pause of a sweep that has more to do, so that it never fills Redis' time. */
const SWEEP_ON_MS = 20;

export class Upkeep {
  private readonly lease: Lease;
  private readonly always: Rounds[];
  private readonly chores: Rounds[] = [];
  private holding = false;

  constructor(
    private readonly context: GatewayContext,
    private readonly budget: StorageBudget,
  ) {
    const { redis, keys, id } = context;
    this.lease = new Lease({ redis, key: keys.upkeep, holder: id, ttlMs: LEASE_MS });
    const drain = new OutboxDrain(context);
    const gauges = new UpkeepGauges(context, budget);
    this.always = [
      this.rounds('lease', () => this.keepLease()),
      this.rounds('outbox', () => drain.round()),
      this.rounds('gauges', () => gauges.round()),
    ];
    const reconciler = new Reconciler(context);
    this.chores.push(this.held('reconciler', () => reconciler.round()));
    this.chores.push(this.held('sweep', () => this.sweep()));
  }

  /** Another thing to do each second, by the gateway that holds the lease. Before `start`. */
  chore(name: string, run: () => Promise<void>): void {
    this.chores.push(this.held(name, () => run().then(() => CHORE_MS)));
  }

  start(): void {
    this.budget.start();
    for (const rounds of this.always) rounds.start();
  }

  /** Resolves when nothing runs any more and the lease is free for another gateway. */
  async stop(): Promise<void> {
    await Promise.all([this.budget.stop(), ...this.always.map((rounds) => rounds.stop())]);
    await this.letGo();
    await this.lease.release().catch(() => undefined);
  }

  private async keepLease(): Promise<number> {
    const taken = await this.lease.take();
    if (taken && !this.holding) {
      this.holding = true;
      this.context.log.info('this gateway looks after what is kept');
      for (const chore of this.chores) chore.start();
    } else if (!taken && this.holding) {
      await this.letGo();
    }
    return RENEW_MS;
  }

  private async letGo(): Promise<void> {
    this.holding = false;
    await Promise.all(this.chores.map((chore) => chore.stop()));
  }

  private async sweep(): Promise<number> {
    const removed = await this.context.ledger.sweep(SWEEP_AT_ONCE, this.budget.bytes);
    this.context.metrics.swept.inc(removed);
    return removed >= SWEEP_AT_ONCE ? SWEEP_ON_MS : CHORE_MS;
  }

  /** Only while the lease is held: when Redis is away it runs out before anybody has said so. */
  private held(name: string, run: () => Promise<number>): Rounds {
    return this.rounds(name, () => (this.lease.held ? run() : Promise.resolve(CHORE_MS)));
  }

  private rounds(part: string, run: () => Promise<number>): Rounds {
    return new Rounds({
      run,
      failed: (reason) => {
        // That Redis is away is told by its connection.
        if (this.context.redis.status === 'ready') this.context.log.warn({ part, reason }, 'upkeep failed');
      },
    });
  }
}
