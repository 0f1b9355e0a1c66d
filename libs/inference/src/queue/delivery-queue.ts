/**
 * The sending end of webhooks: one job per prediction, event and generation. Who adds it knows nothing of how a
 * delivery is made.
 *
 * Invariant: adding a delivery again is nothing while its job is there, and completed jobs stay for a while, so that a
 * repeated run cannot repeat a delivery.
 */
import { deliveryId, type DeliveryJob, type DeliveryRef } from '../contract/durable-job.js';
import type { Keys } from '../contract/keys.js';
import type { Redis } from './connection.js';
import { OpenQueue } from './open-queue.js';

export const DELIVERY_QUEUE = 'webhooks';
/** Longer than any outbox entry waits to be added again. */
const KEEP_COMPLETED = { age: 3_600, count: 100_000 };

export class DeliveryQueue {
  private readonly queue: OpenQueue;

  constructor(redis: Redis, keys: Keys) {
    this.queue = new OpenQueue(DELIVERY_QUEUE, redis, keys);
  }

  /** Resolves when Redis has it. */
  async add(ref: DeliveryRef): Promise<void> {
    const queue = await this.queue.open();
    const { prediction, event, generation } = ref;
    const data: DeliveryJob = { v: 1, prediction, event, generation };
    await queue.add('delivery', data, { jobId: deliveryId(ref), removeOnComplete: KEEP_COMPLETED });
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
