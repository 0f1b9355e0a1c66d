/** Versions that no worker has ready are wanted while something waits for them; others, and those that are ready, are not. */
import { DurableQueue, newId } from '#inference';
import { registered, registryView, worker } from '../../../../../test/fixtures/fleet.js';
import { registryOn } from '../../../../../test/fixtures/registry.js';
import { isDescribed, snapshotOf } from '../catalog/fleet-snapshot.js';
import { StarvedVersions } from './starved-versions.js';

const { redis, keys, clock, registry } = registryOn(process.env['SLUICE_TEST_REDIS_URL']!);
afterAll(() => redis.quit());

beforeAll(() => redis.ping());
beforeEach(() => redis.del(keys.wanted));

it('are wanted as long as they have jobs', async () => {
  const versions = [
    registered('ready', '1'),
    registered('away', '1'),
    registered('idle', '1'),
    registered('closed', '1', { desired: 'unloaded' }),
  ];
  const view = snapshotOf({ workers: [worker('w', 'ready:1 ready')], models: [] }, registryView(versions));
  for (const model of ['ready', 'away', 'closed']) {
    const queue = new DurableQueue({ redis, keys, lane: 'bulk', model, version: '1' });
    await queue.add({ id: newId('p'), generation: 0 });
    await queue.close();
  }
  const all = () => [...view.versions.values()].filter(isDescribed);
  const starved = new StarvedVersions({ redis, keys, registry, clock } as never, { all });
  await starved.round();
  expect((await registry.wanted()).sort()).toEqual(['away:1', 'closed:1']);
  await registry.settled({ name: 'away', version: '1' });
  clock.pass(4_999);
  await starved.round();
  expect(await registry.wanted()).toEqual(['closed:1']);
  clock.pass(1);
  await starved.round();
  expect((await registry.wanted()).sort()).toEqual(['away:1', 'closed:1']);
});

it('are wanted until they are the default that they were registered to be, where no worker had room for them', async () => {
  const versions = [
    registered('m', '1'),
    registered('m', '2', { promote: '1' }),
    registered('held', '1', { promote: '1' }),
    registered('closed', '2', { promote: '1', desired: 'unloaded' }),
  ];
  const workers = [worker('w', 'm:1 ready', 'm:2 loadable', 'held:1 ready')];
  const view = snapshotOf({ workers, models: [] }, registryView(versions));
  const all = () => [...view.versions.values()].filter(isDescribed);
  await new StarvedVersions({ redis, keys, registry, clock } as never, { all }).round();
  expect(await registry.wanted()).toEqual(['m:2']);
});
