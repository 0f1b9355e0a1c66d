/**
 * The sending end of the durable and the bulk lane of one model version. A job only points to records: of one
 * prediction, or of those that were submitted at the same time (docs/decisions/0012).
 *
 * Invariant: adding the same job again while it is there is nothing; after it has completed it runs once more and finds
 * its records ended. Both make an add whose fate is unknown safe to repeat.
 */
import { durableJob, durableJobId, type DurableJob, type GenerationRef } from '../../contract/durable-job.js';
import type { Keys } from '../../contract/keys.js';
import type { Lane } from '../../contract/prediction-record.js';
import type { Redis } from '../connection.js';
import { Script } from '../script.js';
import { OpenQueue } from './open-queue.js';

/** Only jobs that lost their worker too often fail; the reconciler settles their records from them. */
const KEEP_FAILED = { age: 24 * 3_600, count: 10_000 };
/** Beyond this a place in the line is not worth the walk. */
const MAX_PLACE = 10_000;
/** So many jobs in front are counted one by one; what is in front of those is taken for as large. */
const COUNTED = 64;

/**
 * KEYS: the list of jobs that wait, the job; ARGV: its id. Takes it out if it waits; 0 when it is elsewhere. BullMQ's own
 * removal walks the whole list, and when thousands end at their deadline that is a walk for each; here it begins at the
 * end where the oldest are, and a job that is not there costs no walk. Our jobs have no parents, children, logs or locks while they wait.
 */
const TAKE_OUT = new Script(`
if redis.call('EXISTS', KEYS[2]) == 0 then return 1 end
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call('UNLINK', KEYS[2])
return 1
`);

export interface DurableQueueOptions {
  redis: Redis;
  keys: Keys;
  lane: Lane;
  model: string;
  version: string;
}

/** Where a job stands; `missing` also when it has completed. */
export type JobState = 'missing' | 'failed' | 'there';

export class DurableQueue {
  private readonly queue: OpenQueue;

  constructor(private readonly options: DurableQueueOptions) {
    const { redis, keys, lane, model, version } = options;
    this.queue = new OpenQueue(keys.durableQueue(lane, model, version), redis, keys);
  }

  /** A job of one prediction. Resolves when Redis has it. */
  async add({ id, generation }: GenerationRef): Promise<void> {
    await this.addShared(durableJobId({ id, generation }), [{ id, generation }]);
  }

  /** A job of several, which the records name. Resolves when Redis has it. */
  async addShared(jobId: string, refs: readonly GenerationRef[]): Promise<void> {
    const queue = await this.queue.open();
    const data: DurableJob = { v: 1, refs: [...refs] };
    await queue.add('predictions', data, { jobId, removeOnComplete: true, removeOnFail: KEEP_FAILED });
  }

  /** Takes a job out that no worker holds; one that is held stays, and finds its records ended. */
  async remove(jobId: string): Promise<void> {
    const queue = await this.queue.open();
    const keys = [queue.toKey('wait'), queue.toKey(jobId)];
    if ((await TAKE_OUT.run(this.options.redis, { keys, args: [jobId] })) === 0) await queue.remove(jobId);
  }

  async state(jobId: string): Promise<JobState> {
    const state = await (await this.queue.open()).getJobState(jobId);
    if (state === 'failed') return 'failed';
    return state === 'unknown' || state === 'completed' ? 'missing' : 'there';
  }

  /** What a waiting job points to; undefined when it is not there. */
  async refs(jobId: string): Promise<GenerationRef[] | undefined> {
    const job = await (await this.queue.open()).getJob(jobId);
    return durableJob.safeParse(job?.data).data?.refs;
  }

  /** How many predictions are in front of the job; undefined when it does not wait, or further back than is looked. */
  async place(jobId: string): Promise<number | undefined> {
    const { redis } = this.options;
    const queue = await this.queue.open();
    const wait = queue.toKey('wait');
    // New jobs are pushed at the head and taken from the tail.
    const [at, length] = await Promise.all([
      redis.lpos(wait, jobId, 'RANK', -1, 'MAXLEN', MAX_PLACE),
      redis.llen(wait),
    ]);
    if (at === null) return undefined;
    const before = length - 1 - at;
    if (before === 0) return 0;
    const nearest = await redis.lrange(wait, at + 1, at + Math.min(before, COUNTED));
    const texts = await Promise.all(nearest.map((id) => redis.hget(queue.toKey(id), 'data')));
    const counted = texts.reduce((sum, text) => sum + sizeOf(text), 0);
    return Math.round((counted * before) / nearest.length);
  }

  /** Jobs that no worker has taken. */
  async backlog(): Promise<number> {
    return (await this.queue.open()).getWaitingCount();
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}

function sizeOf(text: string | null): number {
  return text === null ? 0 : (durableJob.safeParse(JSON.parse(text)).data?.refs.length ?? 0);
}
