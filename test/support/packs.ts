/** Packs on their way, as they lie in Redis, and workers that are stopped with some in hand. */
import type { Redis } from 'ioredis';
import { pack } from '#inference';
import type { Child } from './child.js';
import type { Stack } from './stack.js';

const PATIENCE_MS = 30_000;

/** A key of the queue of version 1 of a model. */
export function packsKey(stack: Stack, model: string, part: string): string {
  return `${stack.prefix}:packs.${model}@1:${part}`;
}

export interface Stopping {
  worker: Child;
  redis: Redis;
  stack: Stack;
  model: string;
  /** Predictions of the pack. */
  atLeast: number;
}

/**
 * Stops a worker, the only one that runs, when it takes a pack of the model: later it may have answered what it still
 * holds. So Redis is asked without a pause, and the callers must have been sent just before. Request ids of those in the
 * pack.
 */
export async function stoppedWithPack({ worker, redis, stack, model, atLeast }: Stopping): Promise<Set<string>> {
  const active = packsKey(stack, model, 'active');
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    for (const job of await redis.lrange(active, 0, -1)) {
      const data = await redis.hget(packsKey(stack, model, job), 'data');
      const { items } = data === null ? { items: [] } : pack.parse(JSON.parse(data));
      if (items.length < atLeast) continue;
      worker.kill('SIGSTOP');
      // What it had sent until then is carried out first.
      await redis.ping();
      if ((await redis.lrange(active, 0, -1)).includes(job)) return new Set(items.map(({ request }) => request));
      worker.kill('SIGCONT');
    }
  }
  throw new Error(`no pack of ${atLeast} was taken within ${PATIENCE_MS} ms`);
}
