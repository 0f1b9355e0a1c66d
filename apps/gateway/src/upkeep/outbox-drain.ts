/**
 * Adds what lies in the outbox although whoever decided it should have added it by now: he has died, or his add failed.
 *
 * Invariants: every gateway drains, and two that add the same entry do no harm, for each names its job's id; an entry
 * that cannot be read is dropped with a log line; one that BullMQ does not take goes to the end of the line and keeps
 * nobody waiting.
 */
import { parseOutboxEntry } from '#inference';
import type { GatewayContext } from '../context.js';

/** Younger ones are still in the hands of whoever decided them. */
const OVERDUE_MS = 2_000;
const PER_ROUND = 256;
const IDLE_MS = 1_000;

export type DrainContext = Pick<GatewayContext, 'redis' | 'keys' | 'clock' | 'outbox' | 'log' | 'metrics'>;

export class OutboxDrain {
  constructor(private readonly context: DrainContext) {}

  /** One round; ms until the next. */
  async round(): Promise<number> {
    const { outbox, clock, log, metrics } = this.context;
    const members = await outbox.before(Math.floor(clock.now()) - OVERDUE_MS, PER_ROUND);
    const unreadable = members.filter((member) => !parseOutboxEntry(member));
    for (const entry of unreadable) log.error({ entry }, 'dropped an outbox entry that no build can read');
    const results = await Promise.allSettled(members.map((member) => outbox.dispatch([member])));
    const refused = members.filter((_, at) => results[at]!.status === 'rejected');
    metrics.outboxDrained.inc(members.length - refused.length);
    if (refused.length > 0) await this.putBack(refused, results.find((result) => result.status === 'rejected')!.reason);
    return members.length === PER_ROUND ? 0 : this.pause();
  }

  private async putBack(members: readonly string[], reason: unknown): Promise<void> {
    const { redis, keys, clock, log } = this.context;
    const now = Math.floor(clock.now());
    // Rejects when it was Redis that failed, and nothing: then they stay where they are.
    await redis.zadd(keys.outbox, 'XX', ...members.flatMap((member) => [now, member]));
    log.warn({ entries: members.length, example: members[0], reason: String(reason) }, 'could not add outbox entries');
  }

  /** Until the oldest is overdue. */
  private async pause(): Promise<number> {
    const { redis, keys, clock } = this.context;
    const [, oldest] = await redis.zrange(keys.outbox, '0', '0', 'WITHSCORES');
    if (oldest === undefined) return IDLE_MS;
    return Math.min(IDLE_MS, Math.max(1, Number(oldest) + OVERDUE_MS - Math.floor(clock.now())));
  }
}
