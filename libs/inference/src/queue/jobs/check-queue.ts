/**
 * Verifications of packages: a gateway asks, a worker does. One job a registration and check.
 *
 * Invariant: adding a job that is there is nothing; a job whose registration has moved on is done at once, so whoever
 * is not sure whether it was added adds it again.
 */
import type { Job, Worker } from 'bullmq';
import { checkJob, type CheckJob } from '../../contract/verification.js';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';
import { OpenQueue } from './open-queue.js';
import { openWorker, unreadable, type TakingEnd } from './open-worker.js';
import { ended, type JobOutcome } from './outcome.js';

export const CHECK_QUEUE = 'model-checks';

export class CheckQueue {
  private readonly queue: OpenQueue;

  constructor(redis: Redis, keys: Keys) {
    this.queue = new OpenQueue(CHECK_QUEUE, redis, keys);
  }

  /** Resolves when Redis has it. */
  async add(job: Omit<CheckJob, 'v'>): Promise<void> {
    const queue = await this.queue.open();
    const data: CheckJob = { v: 1, ...job };
    const jobId = `${job.digest}-${job.version}-${job.check}`;
    await queue.add('check', data, { jobId, removeOnComplete: true, removeOnFail: true });
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}

export interface IncomingCheck {
  job: CheckJob;
  /** How many workers have taken it and vanished. */
  losses: number;
}

export interface CheckWorkerOptions extends Omit<TakingEnd, 'queue' | 'concurrency'> {
  /** Settles when the registration says how it went, or when the job is to be another worker's. */
  process(incoming: IncomingCheck): Promise<JobOutcome>;
}

export class CheckWorker {
  private readonly worker: Worker;

  constructor(private readonly options: CheckWorkerOptions) {
    const end = { ...options, queue: CHECK_QUEUE, concurrency: 1 };
    this.worker = openWorker(end, (job, token) => this.process(job, token));
    this.worker.on('failed', (_job, error) => options.failed(error));
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking verifications, from the call on, and resolves when the one in hand is settled or given back. */
  close(): Promise<void> {
    return this.worker.close();
  }

  private async process(job: Job, token: string | undefined): Promise<null> {
    const parsed = checkJob.safeParse(job.data);
    if (!parsed.success) throw unreadable('a verification', job);
    return ended(job, token, await this.options.process({ job: parsed.data, losses: job.stalledCounter }));
  }
}
