/**
 * The sending end of the durable and the bulk lane of one model version: one job per prediction and generation, which
 * only points to its record.
 *
 * Invariant: adding the same generation again while its job is there is nothing; after it has completed the job runs
 * once more and finds its record ended. Both make an add whose fate is unknown safe to repeat.
 */
import { durableJobId, type DurableJob, type GenerationRef } from '../contract/durable-job.js';
import type { Keys } from '../contract/keys.js';
import type { Lane } from '../contract/prediction-record.js';
import type { Redis } from './connection.js';
import { OpenQueue } from './open-queue.js';

/** First pause before another try; doubled each time, and shortened at random by up to half. */
const BACKOFF = { type: 'exponential', delay: 1_000, jitter: 0.5 } as const;
/** Only jobs that lost their worker too often fail; the reconciler settles their records from them. */
const KEEP_FAILED = { age: 24 * 3_600, count: 10_000 };
/** Beyond this a place in the line is not worth the walk. */
const MAX_PLACE = 10_000;

export interface DurableQueueOptions {
  redis: Redis;
  keys: Keys;
  lane: Lane;
  model: string;
  version: string;
  /** Runs of one generation, the first included. */
  attempts: number;
}

/** Where a job stands; `missing` also when it has completed. */
export type JobState = 'missing' | 'failed' | 'there';

export class DurableQueue {
  private readonly queue: OpenQueue;

  constructor(private readonly options: DurableQueueOptions) {
    const { redis, keys, lane, model, version } = options;
    this.queue = new OpenQueue(keys.durableQueue(lane, model, version), redis, keys);
  }

  /** Resolves when Redis has it. */
  async add({ id, generation }: GenerationRef): Promise<void> {
    const queue = await this.queue.open();
    const data: DurableJob = { v: 1, id, generation };
    await queue.add('prediction', data, {
      jobId: durableJobId(data),
      attempts: this.options.attempts,
      backoff: BACKOFF,
      removeOnComplete: true,
      removeOnFail: KEEP_FAILED,
    });
  }

  /** Takes a job out that no worker holds; one that is held stays, and finds its record ended. */
  async remove(ref: GenerationRef): Promise<void> {
    await (await this.queue.open()).remove(durableJobId(ref));
  }

  async state(ref: GenerationRef): Promise<JobState> {
    const state = await (await this.queue.open()).getJobState(durableJobId(ref));
    if (state === 'failed') return 'failed';
    return state === 'unknown' || state === 'completed' ? 'missing' : 'there';
  }

  /** How many jobs are in front of it; undefined when it does not wait, or further back than is looked. */
  async place(ref: GenerationRef): Promise<number | undefined> {
    const queue = await this.queue.open();
    const wait = queue.toKey('wait');
    // New jobs are pushed at the head and taken from the tail.
    const [at, length] = await Promise.all([
      this.options.redis.lpos(wait, durableJobId(ref), 'RANK', -1, 'MAXLEN', MAX_PLACE),
      this.options.redis.llen(wait),
    ]);
    return at === null ? undefined : length - 1 - at;
  }

  /** Jobs that no worker has taken. */
  async backlog(): Promise<number> {
    return (await this.queue.open()).getWaitingCount();
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
