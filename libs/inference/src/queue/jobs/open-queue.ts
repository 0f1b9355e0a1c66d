/**
 * The sending end of a BullMQ queue, opened when it is first needed.
 *
 * Invariant: BullMQ never recovers a queue whose first command failed, so such a one is thrown away and the next call
 * opens another.
 */
import { Queue } from 'bullmq';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';

/** BullMQ's own event stream: nobody reads it, but it cannot be switched off, so it is kept short. */
const EVENT_STREAM_LENGTH = 1_000;

export class OpenQueue {
  private queue: Queue | undefined;

  constructor(
    private readonly name: string,
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** @throws when Redis is away; the next call tries again. */
  async open(): Promise<Queue> {
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

  async close(): Promise<void> {
    await this.queue?.close();
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
