/** When an answer may be given that must outlive a kill of Redis. */
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from '../../../../../test/support/redis.js';
import { AppendLog } from './append-log.js';

describe('append log', () => {
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis({ forceChild: true, appendonly: true });
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const infos = async (): Promise<number> =>
    Number(/cmdstat_info:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);

  it('asks once for all who come in the same turn, and again for those who come later', async () => {
    const log = new AppendLog(redis);
    await redis.set('key', 'value');
    const before = await infos();
    await Promise.all(Array.from({ length: 20 }, () => log.written()));
    await log.written();
    expect((await infos()) - before).toBe(3);
  });

  it('waits while an fsync is under way, behind which Redis may hold writes back', async () => {
    const answers = ['aof_enabled:1\r\naof_pending_bio_fsync:1\r\n', 'aof_enabled:1\r\naof_pending_bio_fsync:0\r\n'];
    let asked = 0;
    const info = (): Promise<string> => Promise.resolve(answers[Math.min(asked++, 1)]!);
    await new AppendLog({ info } as unknown as Redis).written();
    expect(asked).toBe(2);
  });

  it('is the reason for a failure when Redis does not answer', async () => {
    const away = new Redis(server.url, { lazyConnect: true, enableOfflineQueue: false });
    away.on('error', () => undefined);
    await expect(new AppendLog(away).written()).rejects.toThrow();
    away.disconnect();
  });
});
