/** Who holds a lease, on a real Redis. */
import { Redis } from 'ioredis';
import { startRedis } from '../../../../test/support/redis.js';
import { Lease } from './lease.js';

describe('a lease', () => {
  let server: Awaited<ReturnType<typeof startChild>>;
  let redis: Redis;
  const startChild = () => startRedis({ forceChild: true });
  beforeAll(async () => {
    server = await startChild();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    await redis.quit();
    await server.stop();
  });

  const lease = (key: string, holder: string) => new Lease({ redis, key, holder, ttlMs: 60_000 });

  it('is held by one until that one gives it up', async () => {
    const [one, other] = [lease('a', 'one'), lease('a', 'other')];
    expect([await one.take(), await other.take(), await one.take()]).toEqual([true, false, true]);
    await other.release();
    expect(await other.take()).toBe(false);
    await one.release();
    expect([one.held, await other.take()]).toEqual([false, true]);
  });

  it('is taken and renewed when Redis has no memory left, for room is made under it', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(redis.set('x', 'y')).rejects.toThrow(/OOM/);
      const [one, other] = [lease('b', 'one'), lease('b', 'other')];
      expect([await one.take(), await one.take(), await other.take()]).toEqual([true, true, false]);
      expect(await redis.pttl('b')).toBeGreaterThan(50_000);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });
});
