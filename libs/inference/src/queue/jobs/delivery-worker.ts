/**
 * The taking end of webhooks.
 *
 * Invariants: a job completes only when its delivery needs no further attempt by it; until then it goes back to wait,
 * which BullMQ does not count. One that lost its gateway comes again however often that happens: what bounds a
 * delivery is its record.
 */
import { DelayedError, type Job, type Worker } from 'bullmq';
import { deliveryJob, type DeliveryRef } from '../../contract/durable-job.js';
import { openWorker, unreadable, type TakingEnd } from './open-worker.js';

export interface IncomingDelivery {
  ref: DeliveryRef;
  round: number;
  /** The job's id. */
  job: string;
}

/** `later`: comes again after `afterMs`, or at once if `missed` says, after it began to wait, that somebody woke it before. */
export type NextOfDelivery = { kind: 'done' } | { kind: 'later'; afterMs: number; missed?: () => Promise<boolean> };

export interface DeliveryWorkerOptions extends TakingEnd {
  process(incoming: IncomingDelivery): Promise<NextOfDelivery>;
}

export class DeliveryWorker {
  private readonly worker: Worker;

  constructor(private readonly options: DeliveryWorkerOptions) {
    this.worker = openWorker(options, (job, token) => this.process(job, token), { maxStalledCount: 1_000_000 });
    this.worker.on('failed', (_job, error) => options.failed(error));
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
    if (!parsed.success) throw unreadable('a delivery', job);
    const { prediction, event, generation, round } = parsed.data;
    const next = await this.options.process({ ref: { prediction, event, generation }, round, job: job.id! });
    if (next.kind === 'done') return null;
    await job.moveToDelayed(Date.now() + next.afterMs, token);
    // Who wakes a job that does not wait yet wakes nobody, and would not know.
    if (await next.missed?.().catch(() => false)) await job.promote().catch(() => undefined);
    throw new DelayedError();
  }
}
