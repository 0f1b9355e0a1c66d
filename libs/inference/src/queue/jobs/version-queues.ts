/**
 * What waits or runs in the three queues of a model version, counted where BullMQ keeps it, without opening a queue
 * for it: with hundreds of versions that is one round trip.
 */
import { Queue } from 'bullmq';
import type { Keys } from '../../contract/keys.js';
import { LANES } from '../../contract/prediction-record.js';
import type { Redis } from '../connection.js';

export interface QueuesOf {
  name: string;
  version: string;
}

const LISTS = ['wait', 'active', 'paused'];
const SETS = ['delayed', 'prioritized'];

export class VersionQueues {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Jobs of each version that have not ended, in the order asked for. */
  async jobs(versions: readonly QueuesOf[]): Promise<number[]> {
    if (versions.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const queue of versions.flatMap((of) => this.names(of))) {
      for (const list of LISTS) pipeline.llen(this.key(queue, list));
      for (const set of SETS) pipeline.zcard(this.key(queue, set));
    }
    const counts = await numbers(pipeline);
    const each = counts.length / versions.length;
    return versions.map((_, i) => counts.slice(i * each, (i + 1) * each).reduce((sum, count) => sum + count, 0));
  }

  /** Whether each has any, at a fifteenth of the commands. */
  async anyJobs(versions: readonly QueuesOf[]): Promise<boolean[]> {
    if (versions.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const of of versions) {
      // Redis keeps no empty list or set.
      pipeline.exists(this.names(of).flatMap((queue) => [...LISTS, ...SETS].map((part) => this.key(queue, part))));
    }
    return (await numbers(pipeline)).map((found) => found > 0);
  }

  /** Takes the queues of a version that is gone out of Redis, jobs and all. */
  async forget(of: QueuesOf): Promise<void> {
    for (const name of this.names(of)) {
      const queue = new Queue(name, { connection: this.redis, prefix: this.keys.prefix });
      queue.on('error', () => undefined);
      await queue.obliterate({ force: true });
      await queue.close();
    }
  }

  private key(queue: string, part: string): string {
    return `${this.keys.prefix}:${queue}:${part}`;
  }

  private names({ name, version }: QueuesOf): string[] {
    return [this.keys.packQueue(name, version), ...LANES.map((lane) => this.keys.durableQueue(lane, name, version))];
  }
}

async function numbers(pipeline: ReturnType<Redis['pipeline']>): Promise<number[]> {
  return ((await pipeline.exec()) ?? []).map(([error, number]) => {
    if (error) throw error;
    return number as number;
  });
}
