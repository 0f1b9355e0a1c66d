/** A removed version goes whole: its predictions first, its queues when nobody holds it, and then its name is free. */
import { DeliveryQueue, DurableQueue, FleetWriter, Ledger, Outbox, Registry, RegistryReader } from '#inference';
import { submission, ledgerOn } from '../../../../../test/fixtures/ledger.js';
import { worker } from '../../../../../test/fixtures/fleet.js';
import { available, digestOf, newVersion } from '../../../../../test/fixtures/registry.js';
import { Removals, type RemovalsContext } from './removals.js';

const { redis, keys, clock } = ledgerOn(process.env['SLUICE_TEST_REDIS_URL']!);
const registry = new Registry(redis, keys, clock);
const reader = new RegistryReader(redis, keys);
const ledger = new Ledger(redis, keys, clock);
const outbox = new Outbox({ redis, keys, deliveries: new DeliveryQueue(redis, keys) });
const fleet = new FleetWriter(redis, keys, clock);
const log = { info: () => undefined };
const context = { redis, keys, clock, registry, ledger, outbox, log } as unknown as RemovalsContext;
const M = { name: 'm', version: '1' };
const dropped: string[] = [];
let removals: Removals;

beforeEach(async () => {
  const all = await redis.keys(`${keys.prefix}:*`);
  if (all.length > 0) await redis.del(all);
  dropped.length = 0;
  removals = new Removals(context, { drop: (digest) => Promise.resolve(void dropped.push(digest)) });
  await available(registry, 'm', '1');
});
afterAll(async () => {
  await outbox.close();
  await redis.quit();
});

async function submitted(head: { model: string; version: string; lane?: 'durable' | 'bulk' }): Promise<string> {
  const made = submission(clock, { head, budget: 10_000_000 });
  const answer = await ledger.submit(made);
  if (answer.kind !== 'new') throw new Error(answer.kind);
  await outbox.dispatch(answer.outbox);
  return made.id;
}

const isOver = async () => (await registry.removed()).length === 0;

it('its predictions fail with a code of their own, and no other does', async () => {
  const [mine, other, elder] = [
    await submitted({ model: 'm', version: '1' }),
    await submitted({ model: 'm', version: '2' }),
    await submitted({ model: 'other', version: '1' }),
  ];
  await registry.remove(M, true);
  await removals.round();
  expect(await ledger.read(mine)).toMatchObject({ status: 'failed', code: 'VERSION_REMOVED' });
  for (const id of [other, elder]) expect(await ledger.read(id)).toMatchObject({ status: 'starting' });
});

it('meets every one of many', async () => {
  const ids = await Promise.all(Array.from({ length: 600 }, () => submitted({ model: 'm', version: '1' })));
  await registry.remove(M, true);
  await removals.round();
  const records = await ledger.readMany(ids);
  expect(new Set(records.map((record) => record?.status))).toEqual(new Set(['failed']));
  expect(await redis.zcard(keys.due)).toBe(0);
});

it('its name is free when every gateway has seen it, and nothing of it is left then', async () => {
  await submitted({ model: 'm', version: '1' });
  await registry.remove(M, true);
  await removals.round();
  expect(await isOver()).toBe(false);
  // Accepted by a gateway that had not seen it yet.
  const late = await submitted({ model: 'm', version: '1' });
  clock.pass(2_000);
  await removals.round();
  expect(await isOver()).toBe(true);
  expect(dropped).toEqual([digestOf('m 1')]);
  expect(await ledger.read(late)).toMatchObject({ code: 'VERSION_REMOVED' });
  expect(await redis.keys(`${keys.prefix}:${keys.durableQueue('durable', 'm', '1')}:*`)).toEqual([]);
  expect(await registry.register(newVersion('m', '1'))).toMatchObject({ kind: 'new' });
  expect((await reader.read()).removed.size).toBe(0);
});

it('its queues stay while a worker holds it, and for good where that has it in a folder of its own', async () => {
  const queue = new DurableQueue({ redis, keys, lane: 'durable', model: 'm', version: '1' });
  await submitted({ model: 'm', version: '1' });
  await registry.remove(M, true);
  for (const [ms, over] of [
    [2_000, false],
    [57_000, false],
    [1_000, true],
  ] as const) {
    clock.pass(ms);
    await fleet.beat(worker('w', 'm:1 draining'));
    await removals.round();
    expect(await isOver()).toBe(over);
  }
  expect(await queue.backlog()).toBe(1);
  await queue.close();
});

it('a worker that only could load it keeps nobody waiting', async () => {
  await registry.remove(M, true);
  clock.pass(2_000);
  await fleet.beat(worker('w', 'm:1 loadable'));
  await removals.round();
  expect(await isOver()).toBe(true);
});
