/**
 * What waits or runs in the three queues of a model version, counted where BullMQ keeps it, without opening a queue
 * for it: with hundreds of versions that is one round trip.
 */
import { Queue } from 'bullmq';
import type { Keys } from '../contract/keys.js';
import { LANES } from '../contract/prediction-record.js';
import type { Redis } from './connection.js';

export interface QueuesOf {
  name: string;
  version: string;
}

export class VersionQueues {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Jobs of each version that have not ended, in the order asked for. */
  async jobs(versions: readonly QueuesOf[]): Promise<number[]> {
    if (versions.length === 0) return [];
    const pipeline = this.redis.pipeline();
    const lists = versions.map((of) => this.names(of).map((queue) => `${this.keys.prefix}:${queue}`));
    for (const queue of lists.flat()) {
      for (const list of ['wait', 'active', 'paused']) pipeline.llen(`${queue}:${list}`);
      for (const set of ['delayed', 'prioritized']) pipeline.zcard(`${queue}:${set}`);
    }
    const answers = (await pipeline.exec()) ?? [];
    const counts = answers.map(([error, count]) => {
      if (error) throw error;
      return count as number;
    });
    const each = counts.length / versions.length;
    return versions.map((_, i) => counts.slice(i * each, (i + 1) * each).reduce((sum, count) => sum + count, 0));
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

  private names({ name, version }: QueuesOf): string[] {
    return [this.keys.packQueue(name, version), ...LANES.map((lane) => this.keys.durableQueue(lane, name, version))];
  }
}
