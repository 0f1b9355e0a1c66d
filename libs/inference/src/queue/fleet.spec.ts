/** What a reader sees of the fleet, on a real Redis. */
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { FixedClock } from '../../../../test/fixtures/ledger.js';
import { descriptionOf } from '../../../../test/fixtures/registry.js';
import { keysUnder } from '../contract/keys.js';
import { FleetReader, FleetWriter } from './fleet.js';

const redis = new Redis(process.env['SLUICE_TEST_REDIS_URL']!);
const clock = new FixedClock();
const keys = keysUnder(`{t${randomBytes(6).toString('hex')}}`);
const writer = new FleetWriter(redis, keys, clock);
const reader = new FleetReader(redis, keys, clock);
const beat = (worker: string, depth: number) => ({
  v: 1 as const,
  worker,
  build: '0',
  device: 'cpu',
  slots: 1,
  versions: [{ name: 'm', version: '1', state: 'ready' as const, depth }],
});
afterAll(() => redis.quit());

describe('the fleet', () => {
  it('is read as it is, and what has not changed is not read again', async () => {
    await writer.beat(beat('w1', 0));
    await writer.describe(descriptionOf('m', '1'));
    await writer.describe(descriptionOf('m', '2'));
    const first = await reader.read();
    await writer.beat(beat('w1', 7));
    await writer.describe({ ...descriptionOf('m', '2'), maxBatchSize: 5 });
    const second = await reader.read();
    const of = (view: typeof first, version: string) => view.models.find((model) => model.version === version);
    expect(second.workers.map(({ versions }) => versions[0]!.depth)).toEqual([7]);
    expect(of(second, '1')).toBe(of(first, '1'));
    expect([of(first, '2'), of(second, '2')].map((model) => model?.maxBatchSize)).toEqual([32, 5]);
  });

  it('loses what is gone, and what cannot be read', async () => {
    await writer.beat(beat('w2', 0));
    await redis.hset(keys.worker('w2'), 'beat', '{"v": 9}');
    await writer.leave('w1');
    await redis.del(keys.model('m', '1'));
    const view = await reader.read();
    expect([view.workers, view.models.map(({ version }) => version)]).toEqual([[], ['2']]);
    expect(await redis.smembers(keys.models)).toEqual(['m:2']);
  });
});
