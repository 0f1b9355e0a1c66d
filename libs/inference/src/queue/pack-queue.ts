/**
 * The sending end of the fast lane: writes a pack's payload and adds its job, in this order on one connection, so
 * that no worker sees the job before its bytes.
 *
 * Invariant: adding the same pack twice runs it at most once more (its id is the job's id), so that an add whose
 * fate is unknown may be repeated.
 */
import { Queue } from 'bullmq';
import type { Keys } from '../contract/keys.js';
import type { Pack } from '../contract/pack.js';
import type { Redis } from './connection.js';
import { setPieces } from './set-pieces.js';

/** BullMQ's own event stream: nobody reads it, but it cannot be switched off, so it is kept short. */
const EVENT_STREAM_LENGTH = 1_000;
/** A payload outlives its last deadline by this much, for a worker that takes the pack over late. */
const PAYLOAD_GRACE_MS = 60_000;

export interface OutgoingPack {
  id: string;
  pack: Pack;
  /** End to end, the bytes that the items' offsets and lengths cut up. */
  payload: readonly Uint8Array[];
  /** Milliseconds from now to the latest deadline in the pack. */
  lifetimeMs: number;
}

export class PackQueue {
  private queue: Queue | undefined;

  constructor(
    private readonly name: string,
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Resolves when Redis has both. A rejection leaves open whether it has. */
  async add({ id, pack, payload, lifetimeMs }: OutgoingPack): Promise<void> {
    const queue = await this.open();
    const ttlMs = Math.ceil(Math.max(0, lifetimeMs)) + PAYLOAD_GRACE_MS;
    const written = setPieces(this.redis, { key: this.keys.payload(id), pieces: payload, ttlMs });
    const added = queue.add('pack', pack, { jobId: id, removeOnComplete: true, removeOnFail: true });
    const failed = (await Promise.allSettled([written, added])).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Opens the queue ahead of its first pack; a failure shows again, and is told, at that pack. */
  warm(): void {
    this.open().catch(() => undefined);
  }

  /** Packs that no worker has taken. */
  async backlog(): Promise<number> {
    return (await this.open()).getWaitingCount();
  }

  async close(): Promise<void> {
    await this.queue?.close();
  }

  /** BullMQ never recovers a queue whose first command failed, so such a one is thrown away. */
  private async open(): Promise<Queue> {
    if (this.redis.status !== 'ready') throw new Error('Redis is not connected');
    const queue = (this.queue ??= this.fresh());
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      if (this.queue === queue) this.queue = undefined;
      throw error;
    }
  }

  private fresh(): Queue {
    const queue = new Queue(this.name, {
      connection: this.redis,
      prefix: this.keys.prefix,
      streams: { events: { maxLen: EVENT_STREAM_LENGTH } },
    });
    // Every command's own rejection is handled where it was sent; the event would only repeat it.
    queue.on('error', () => undefined);
    return queue;
  }
}
