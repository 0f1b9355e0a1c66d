/**
 * The sending end of webhooks: one job per prediction, event, generation and replay. Who adds it knows nothing of how a
 * delivery is made.
 *
 * Invariant: adding a delivery again is nothing while its job is there; after it has ended the job runs once more and
 * finds its record ended, so a repeated add cannot repeat a delivery.
 */
import { Job } from 'bullmq';
import { deliveryId, deliveryJobId, type DeliveryJob, type DeliveryRef } from '../../contract/durable-job.js';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';
import { OpenQueue } from './open-queue.js';

export const DELIVERY_QUEUE = 'webhooks';
const JOB_NAME = 'delivery';
/** A run that was cut short by a failure of ours comes again, for ever: attempts are counted in the delivery's record. */
const OPTIONS = {
  attempts: 1_000_000,
  backoff: { type: 'fixed', delay: 5_000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

export class DeliveryQueue {
  private readonly queue: OpenQueue;

  constructor(redis: Redis, keys: Keys) {
    this.queue = new OpenQueue(DELIVERY_QUEUE, redis, keys);
  }

  /** Resolves when Redis has it. */
  async add(ref: DeliveryRef, round = 0): Promise<void> {
    const queue = await this.queue.open();
    const { prediction, event, generation } = ref;
    const data: DeliveryJob = { v: 1, prediction, event, generation, round };
    await queue.add(JOB_NAME, data, { jobId: deliveryJobId(deliveryId(ref), round), ...OPTIONS });
  }

  /** Jobs that wait for a time run now; those that do not wait are left alone. */
  async wake(jobs: readonly string[]): Promise<void> {
    if (jobs.length === 0) return;
    const queue = await this.queue.open();
    // A handle suffices: reading the job first would be a round trip for nothing.
    await Promise.all(jobs.map((id) => new Job(queue, JOB_NAME, {}, {}, id).promote().catch(notWaiting)));
  }

  /** A job that waits for a time waits for another. */
  async delay(job: string, ms: number): Promise<void> {
    const queue = await this.queue.open();
    await new Job(queue, JOB_NAME, {}, {}, job).changeDelay(ms).catch(notWaiting);
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}

/** It runs already, or has ended. What else may go wrong costs only the time after which the job comes by itself. */
const notWaiting = (): undefined => undefined;
