/** Packs on their way, as they lie in Redis, and workers that are stopped with some in hand. */
import type { Redis } from 'ioredis';
import type { Child } from './child.js';
import type { Stack } from './stack.js';
import { until } from './until.js';

/** A key of the queue of version 1 of a model. */
export function packsKey(stack: Stack, model: string, part: string): string {
  return `${stack.prefix}:packs.${model}.1:${part}`;
}

/** Stops a worker, the only one that runs, once it holds packs of the model. */
export async function stoppedWithPacks(worker: Child, redis: Redis, activeKey: string): Promise<void> {
  await until('it stands still with packs in hand', async () => {
    worker.kill('SIGSTOP');
    // What it had sent until then is carried out first.
    await redis.ping();
    if ((await redis.llen(activeKey)) > 0) return true;
    worker.kill('SIGCONT');
    return false;
  });
}
