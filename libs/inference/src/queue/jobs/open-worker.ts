/** The taking end of a BullMQ queue, as all of ours hold their jobs. */
import { UnrecoverableError, Worker, type Job, type WorkerOptions } from 'bullmq';
import type { Keys } from '../../contract/keys.js';
import type { Redis } from '../connection.js';

/** Safe, for no thread that renews locks runs native code. */
const LOCKS = {
  /** A dead worker's jobs are taken over after at most lock + 2 checks; measured 4.7-8.5 s. */
  lockDuration: 5_000,
  stalledInterval: 2_500,
  /** Margin for deaths of workers; poison never counts here, for it kills an executor and not the worker. */
  maxStalledCount: 5,
};

export interface TakingEnd {
  queue: string;
  /** So many jobs at a time. */
  concurrency: number;
  /** One whose commands wait for Redis. */
  redis: Redis;
  keys: Keys;
  /** Told of what goes wrong between BullMQ and Redis, and of jobs that nobody else sees fail. */
  failed(error: Error): void;
}

/** `process` answers nothing: BullMQ would keep what it returns. */
export function openWorker(
  end: TakingEnd,
  process: (job: Job, token: string | undefined) => Promise<null>,
  more: Partial<WorkerOptions> = {},
): Worker {
  const { queue, concurrency, redis, keys } = end;
  const worker = new Worker(queue, process, { connection: redis, prefix: keys.prefix, concurrency, ...LOCKS, ...more });
  worker.on('error', (error) => end.failed(error));
  return worker;
}

/** A job of another build than this one's: another try here would read no more of it. */
export function unreadable(what: string, { data }: Job): UnrecoverableError {
  const { v } = data as { v?: unknown };
  return new UnrecoverableError(`${what} that this build cannot read (v: ${String(v)})`);
}
