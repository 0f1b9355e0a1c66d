/** Versions with jobs that no worker has ready are wanted; those without, and those that are ready, are not. */
import { DurableQueue, newId } from '#inference';
import { registered, registryView, worker } from '../../../../../test/fixtures/fleet.js';
import { registryOn } from '../../../../../test/fixtures/registry.js';
import { isDescribed, snapshotOf } from '../catalog/fleet-snapshot.js';
import { StarvedVersions } from './starved-versions.js';

const { redis, keys, clock, registry } = registryOn(process.env['SLUICE_TEST_REDIS_URL']!);
afterAll(() => redis.quit());

beforeAll(() => redis.ping());

it('are wanted as long as that is so', async () => {
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
