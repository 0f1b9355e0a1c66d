/**
 * From decided to done: adds to BullMQ what a script has put into `outbox`, then removes the entry.
 *
 * Invariants: an entry leaves only after BullMQ has its job, so whoever dies in between leaves it to be found; adding
 * twice is harmless, for every entry names its job's id; so many queues are open and no more, for versions come and go.
 */
import { outboxMember, parseOutboxEntry, type DeliveryRef } from '../../contract/durable-job.js';
import type { Keys } from '../../contract/keys.js';
import { LANES, type Lane } from '../../contract/prediction-record.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Redis } from '../connection.js';
import { DurableQueue } from './durable-queue.js';

const MAX_QUEUES = 2_048;

export interface OutboxOptions {
  redis: Redis;
  keys: Keys;
  deliveries: { add(ref: DeliveryRef): Promise<void> };
}

export interface VersionLane {
  lane: Lane;
  model: string;
  version: string;
}

export class Outbox {
  private readonly queues = new Map<string, DurableQueue>();
  private added: string[] = [];

  constructor(private readonly options: OutboxOptions) {}

  /** Resolves when BullMQ has all of them; a rejection leaves those it has not in the outbox. */
  async dispatch(members: readonly string[]): Promise<void> {
    await Promise.all(members.map((member) => this.one(member)));
  }

  /** For those who have no more to do about it: what cannot be added now is left to whoever drains the outbox. */
  async offer(members: readonly string[], log: Pick<Logger, 'warn'>): Promise<void> {
    await this.dispatch(members).catch((error: unknown) => {
      log.warn({ reason: String(error), entries: members.length }, 'left to the outbox');
    });
  }

  /** One job for all of them; a rejection leaves them in the outbox, from where each gets a job of its own. */
  async dispatchShared(jobId: string, members: readonly string[]): Promise<void> {
    const entries = members.map(parseOutboxEntry).filter((entry) => entry?.kind === 'job');
    const [first] = entries;
    if (!first) return;
    await this.queue(first).addShared(jobId, entries);
    for (const entry of entries) this.forget(outboxMember(entry));
  }

  /** Entries that were decided before `ms`, the oldest first. */
  before(ms: number, limit: number): Promise<string[]> {
    return this.options.redis.zrangebyscore(this.options.keys.outbox, '-inf', ms, 'LIMIT', 0, limit);
  }

  /** The queue of one lane of a version. */
  queue({ lane, model, version }: VersionLane): DurableQueue {
    const name = `${lane} ${model} ${version}`;
    const { redis, keys } = this.options;
    const queue = this.queues.get(name) ?? new DurableQueue({ redis, keys, lane, model, version });
    // The one that was wanted last is the last.
    this.queues.delete(name);
    this.queues.set(name, queue);
    this.closeOldest();
    return queue;
  }

  /** Of a version that is gone; a job of it that is decided all the same opens its queues again. */
  async closeVersion({ name, version }: { name: string; version: string }): Promise<void> {
    for (const lane of LANES) {
      const queue = `${lane} ${name} ${version}`;
      await this.queues.get(queue)?.close();
      this.queues.delete(queue);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private async one(member: string): Promise<void> {
    const entry = parseOutboxEntry(member);
    // What no build can read would be looked at for ever.
    if (entry?.kind === 'job') await this.queue(entry).add(entry);
    else if (entry) await this.options.deliveries.add(entry);
    this.forget(entry ? outboxMember(entry) : member);
  }

  /** On the common connection: what is under way in it is not cut off. */
  private closeOldest(): void {
    for (const [name, oldest] of this.queues) {
      if (this.queues.size <= MAX_QUEUES) return;
      this.queues.delete(name);
      void oldest.close().catch(() => undefined);
    }
  }

  /** Nothing waits for an entry to go, so those of a tick go with one command. */
  private forget(member: string): void {
    if (this.added.length === 0) setImmediate(() => this.flush());
    this.added.push(member);
  }

  private flush(): void {
    const members = this.added;
    this.added = [];
    // One that stays is added again later, which changes nothing.
    this.options.redis.zrem(this.options.keys.outbox, members).catch(() => undefined);
  }
}
