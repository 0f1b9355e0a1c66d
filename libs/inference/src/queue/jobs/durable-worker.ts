/**
 * The taking end of the durable and the bulk lane of one model version.
 *
 * Invariant: a job completes only after `process` has settled all its records, or found that there is nothing to do; a
 * prediction that is to be tried again gets a job of its own, so that no job ever comes back but from a dead worker, one
 * that stops, or one that had no right to take it.
 */
import type { Job, Worker } from 'bullmq';
import { durableJob, type GenerationRef } from '../../contract/durable-job.js';
import { openWorker, unreadable, type TakingEnd } from './open-worker.js';
import { ended, type JobOutcome } from './outcome.js';

export interface IncomingJob {
  refs: GenerationRef[];
  /** True when another worker held this job before and vanished. */
  redelivered: boolean;
}

export interface DurableWorkerOptions extends TakingEnd {
  process(incoming: IncomingJob): Promise<JobOutcome>;
}

export class DurableWorker {
  private readonly worker: Worker;

  constructor(private readonly options: DurableWorkerOptions) {
    this.worker = openWorker(options, (job, token) => this.process(job, token));
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking jobs and resolves when those in hand are settled. */
  close(): Promise<void> {
    return this.worker.close();
  }

  private async process(job: Job, token: string | undefined): Promise<null> {
    const parsed = durableJob.safeParse(job.data);
    if (!parsed.success) throw unreadable('a job', job);
    const { refs } = parsed.data;
    return ended(job, token, await this.options.process({ refs, redelivered: job.stalledCounter > 0 }));
  }
}
