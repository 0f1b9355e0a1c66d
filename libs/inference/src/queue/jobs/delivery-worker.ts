/**
 * The taking end of webhooks.
 *
 * Invariants: a job completes only when its delivery needs no further attempt by it; until then it goes back to wait,
 * which BullMQ does not count. One that lost its gateway comes again however often that happens: what bounds a
 * delivery is its record.
 */
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import { deliveryJob, type DeliveryRef } from '../../contract/durable-job.js';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';
import { LOCKS } from './locks.js';

export interface IncomingDelivery {
  ref: DeliveryRef;
  round: number;
  /** The job's id. */
  job: string;
}

/** `later`: comes again after `afterMs`, or at once if `missed` says, after it began to wait, that somebody woke it before. */
export type NextOfDelivery = { kind: 'done' } | { kind: 'later'; afterMs: number; missed?: () => Promise<boolean> };

export interface DeliveryWorkerOptions {
  queue: string;
  concurrency: number;
  /** One whose commands wait for Redis. */
  redis: Redis;
  keys: Keys;
  process(incoming: IncomingDelivery): Promise<NextOfDelivery>;
  failed(error: Error): void;
}

export class DeliveryWorker {
  private readonly worker: Worker;

  constructor(private readonly options: DeliveryWorkerOptions) {
    this.worker = new Worker(options.queue, (job, token) => this.process(job, token), {
      connection: options.redis,
      prefix: options.keys.prefix,
      concurrency: options.concurrency,
      ...LOCKS,
      maxStalledCount: 1_000_000,
    });
    this.worker.on('failed', (_job, error) => options.failed(error));
    this.worker.on('error', (error) => options.failed(error));
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking deliveries and resolves when those in hand are settled. */
  close(): Promise<void> {
    return this.worker.close();
  }

  private async process(job: Job, token: string | undefined): Promise<null> {
    const parsed = deliveryJob.safeParse(job.data);
    if (!parsed.success) {
      throw new UnrecoverableError(`a job that this build cannot read (v: ${String((job.data as { v?: unknown }).v)})`);
    }
    const { prediction, event, generation, round } = parsed.data;
    const next = await this.options.process({ ref: { prediction, event, generation }, round, job: job.id! });
    if (next.kind === 'done') return null;
    await job.moveToDelayed(Date.now() + next.afterMs, token);
    // Who wakes a job that does not wait yet wakes nobody, and would not know.
    if (await next.missed?.().catch(() => false)) await job.promote().catch(() => undefined);
    throw new DelayedError();
  }
}
