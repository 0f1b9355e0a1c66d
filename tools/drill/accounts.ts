/**
 * What Redis itself says when all is over: nothing pending, nothing due, nothing on its way, and the byte counts are the
 * sums of what they count.
 */
import { HELD_COST, type Redis } from '#inference';

/** What is counted, the sorted set whose members begin with their bytes, and what each costs beside them. */
const KEPT = [
  ['inputs', 'held:inputs', HELD_COST],
  ['outputs', 'held:outputs', HELD_COST],
  ['records', 'ended', 0],
  ['untold', 'untold', 0],
] as const;
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
  for (const [what, set, each] of KEPT) {
    const members = await redis.zrangebyscore(key(set), '-inf', '+inf');
    const sum = members.reduce((total, member) => total + Number(member.split(' ')[0]) + each, 0);
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
