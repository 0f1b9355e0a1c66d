/**
 * The taking end of the durable and the bulk lane of one model version.
 *
 * Invariant: a job completes only after `process` has settled all its records, or found that there is nothing to do; a
 * prediction that is to be tried again gets a job of its own, so that no job ever comes back but from a dead worker.
 */
import { UnrecoverableError, Worker, type Job } from 'bullmq';
import { durableJob, type GenerationRef } from '../../contract/durable-job.js';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';
import { LOCKS } from './locks.js';

export interface IncomingJob {
  refs: GenerationRef[];
  /** True when another worker held this job before and vanished. */
  redelivered: boolean;
}

export interface DurableWorkerOptions {
  queue: string;
  concurrency: number;
  redis: Redis;
  keys: Keys;
  process(incoming: IncomingJob): Promise<void>;
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
    await this.options.process({ refs: parsed.data.refs, redelivered: job.stalledCounter > 0 });
    return null;
  }
}
