/**
 * The taking end of the durable and the bulk lane of one model version.
 *
 * Invariants: a job completes only after `process` has settled its record, or found that there is nothing to do; one
 * that answers `again` comes back after a pause, as often as its queue allows, and is told when it is the last time.
 */
import { UnrecoverableError, Worker, type Job } from 'bullmq';
import { durableJob, type GenerationRef } from '../contract/durable-job.js';
import type { Keys } from '../contract/keys.js';
import type { Redis } from './connection.js';
import { LOCKS } from './locks.js';

export interface IncomingPrediction extends GenerationRef {
  /** No other try follows this one. */
  last: boolean;
  /** True when another worker held this job before and vanished. */
  redelivered: boolean;
}

export type Settled = 'done' | 'again';

export interface DurableWorkerOptions {
  queue: string;
  concurrency: number;
  redis: Redis;
  keys: Keys;
  process(incoming: IncomingPrediction): Promise<Settled>;
  failed(error: Error): void;
}

export class DurableWorker {
  private readonly worker: Worker;

  constructor(private readonly options: DurableWorkerOptions) {
    this.worker = new Worker(options.queue, (job) => this.process(job), {
      connection: options.redis,
      prefix: options.keys.prefix,
      concurrency: options.concurrency,
      ...LOCKS,
    });
    this.worker.on('error', (error) => options.failed(error));
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking jobs and resolves when those in hand are settled. */
  close(): Promise<void> {
    return this.worker.close();
  }

  private async process(job: Job): Promise<null> {
    const parsed = durableJob.safeParse(job.data);
    if (!parsed.success) {
      throw new UnrecoverableError(`a job that this build cannot read (v: ${String((job.data as { v?: unknown }).v)})`);
    }
    const { id, generation } = parsed.data;
    const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    const settled = await this.options.process({ id, generation, last, redelivered: job.stalledCounter > 0 });
    if (settled === 'again') throw new Error('to be tried again');
    return null;
  }
}
