/** The budget follows Redis' memory limit; settings under which accepted can be lost are told. */
import { patientConnection, type Redis } from '#inference';
import { startRedis, type TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';
import { StorageBudget, type BudgetContext } from './storage-budget.js';

describe('the storage budget', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis({ forceChild: true });
    redis = patientConnection({ url: server.url, connectionName: 'sluice-worker' });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** Reads once; what it warned of. */
  async function read(context: Partial<BudgetContext> = {}): Promise<{ bytes: number; warnings: string[] }> {
    const warnings: string[] = [];
    const log = { warn: (sentence: string) => warnings.push(sentence), debug: () => undefined };
    const info = jest.spyOn(redis, 'info');
    const budget = new StorageBudget({
      redis,
      config: { storageShare: 0.25 },
      log,
      ...context,
    } as unknown as BudgetContext);
    budget.start();
    await until('Redis was asked', () => info.mock.calls.length === 2);
    await budget.stop();
    info.mockRestore();
    return { bytes: budget.bytes, warnings };
  }

  it('makes no room before Redis has answered', async () => {
    const never = { info: () => new Promise<string>(() => undefined) } as unknown as Redis;
    const config = { storageShare: 0.25 };
    const budget = new StorageBudget({ redis: never, config, log: {} } as unknown as BudgetContext);
    budget.start();
    await Promise.resolve();
    expect(budget.bytes).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('is a share of maxmemory', async () => {
    await redis.config('SET', 'maxmemory', 400_000_000);
    await redis.config('SET', 'appendonly', 'yes');
    expect(await read()).toEqual({ bytes: 100_000_000, warnings: [] });
  });

  it('is a share of 1 GiB where Redis has no limit, and says so', async () => {
    await redis.config('SET', 'maxmemory', 0);
    const { bytes, warnings } = await read();
    expect(bytes).toBe(0.25 * 1024 ** 3);
    expect(warnings).toEqual([expect.stringContaining('no maxmemory')]);
  });

  it('tells when Redis may evict or forget what was accepted', async () => {
    await redis.config('SET', 'maxmemory', 400_000_000);
    await redis.config('SET', 'appendonly', 'no');
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { warnings } = await read();
    expect(warnings).toEqual([expect.stringContaining('noeviction'), expect.stringContaining('append-only')]);
  });
});
