/**
 * What Redis itself says when all is over: nothing pending, nothing due, nothing on its way, and the byte counts are the
 * sums of what they count.
 */
import type { Redis } from '#inference';

const HELD = ['inputs', 'outputs'] as const;
const WAITING = { wait: 'llen', active: 'llen', delayed: 'zcard', prioritized: 'zcard' } as const;

export interface Accounts {
  predictions: number;
  /** Each of them ought to be 0. */
  open: Record<string, number>;
}

export async function readAccounts(redis: Redis, prefix: string, queues: readonly string[]): Promise<Accounts> {
  const key = (name: string): string => `${prefix}:${name}`;
  const open: Record<string, number> = {
    due: await redis.zcard(key('due')),
    outbox: await redis.zcard(key('outbox')),
    'pending bytes': Number((await redis.hget(key('bytes'), 'pending')) ?? 0),
  };
  for (const what of HELD) {
    const members = await redis.zrangebyscore(key(`held:${what}`), '-inf', '+inf');
    const sum = members.reduce((total, member) => total + Number(member.split(' ')[0]), 0);
    open[`${what} miscounted by`] = Number((await redis.hget(key('bytes'), what)) ?? 0) - sum;
  }
  for (const queue of queues) {
    for (const [state, count] of Object.entries(WAITING)) {
      const jobs = await redis[count](key(`${queue}:${state}`));
      if (jobs > 0) open[`${queue} ${state}`] = jobs;
    }
  }
  return { predictions: await redis.zcard(key('predictions:public')), open };
}

export function isClosed({ open }: Accounts): boolean {
  return Object.values(open).every((count) => count === 0);
}
