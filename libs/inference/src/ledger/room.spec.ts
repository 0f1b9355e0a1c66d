/** What goes when the budget is full, what may not, and that nothing of it is left behind. */
import { createdBatch } from '../../../../test/fixtures/batch-rows.js';
import { FAILURE, fullStoreInEach, OUTPUT, ROOM, URL, type FullStore } from '../../../../test/fixtures/full-store.js';
import { claimsOn, submission } from '../../../../test/fixtures/ledger.js';
import { HELD_COST } from './kept-lua.js';
import { STORED, type Submitted } from './ledger.js';

describe('the room for what has ended', () => {
  let store: FullStore;
  fullStoreInEach((it) => (store = it));

  it('is made by the oldest records too, once their data is gone, down to a quarter of the budget', async () => {
    const ids = [];
    for (let n = 0; n < 8; n++) ids.push(await store.ended());
    const record = (await store.bytes('records')) / ids.length;
    const budget = 4 * (record + HELD_COST + OUTPUT.bytes.length);
    expect(await store.at.ledger.sweep(1, budget)).toBe(1);
    expect(await store.at.ledger.input(ids[0]!)).toBeNull();
    expect(await store.known(ids)).toEqual(Array(8).fill(true));
    await store.at.ledger.sweep(100, budget);
    expect(await store.known(ids)).toEqual([false, false, false, false, true, true, true, true]);
    for (const left of [3, 2, 1, 1]) {
      await store.submitted({ budget });
      expect((await store.known(ids)).filter(Boolean)).toHaveLength(left);
    }
    expect((await store.known(ids)).at(-1)).toBe(true);
    expect(await store.bytes('records')).toBe(record);
  });

  it('leaves nothing of a record: no index, no claim, no delivery', async () => {
    const { redis, keys, ledger, clock } = store.at;
    const names = [keys.claim('public', 'key', 'k'), keys.claim('public', 'alias', 'a')];
    const id = await store.submitted({ claims: claimsOn(names, 'f', 90_000), head: { webhook: URL } });
    await ledger.fail({ id, generation: 0 }, FAILURE);
    await store.deliver(id);
    await ledger.sweep(100, 1);
    await ledger.sweep(100, 1);
    expect(await store.known([id])).toEqual([false]);
    await redis.del(keys.outbox, keys.deadOwners);
    expect(await redis.keys(`${keys.prefix}:*`)).toEqual([keys.bytes]);
    for (const what of ['pending', 'inputs', 'outputs', 'records', 'untold']) expect(await store.bytes(what)).toBe(0);
    expect(await ledger.submit(submission(clock, { claims: claimsOn(names, 'f', 9) }))).toMatchObject({ kind: 'new' });
  });

  it('leaves a claim that has become another prediction’s', async () => {
    const { redis, keys, ledger } = store.at;
    const key = keys.claim('public', 'key', 'k');
    const id = await store.ended({ claims: claimsOn([key], 'f', 90_000) });
    await redis.set(key, 'g pother');
    await ledger.sweep(100, 1);
    expect(await store.known([id])).toEqual([false]);
    expect(await ledger.claimed(key)).toEqual({ fingerprint: 'g', id: 'pother' });
  });

  it('is not made by a record whose webhook is on its way, which counts like what has not ended', async () => {
    const { ledger, clock } = store.at;
    const waiting = await store.ended({ head: { webhook: URL } });
    const failing = await store.ended({ head: { webhook: URL } });
    await store.deliver(failing, { verdict: 'failed' });
    const plain = await store.ended({ head: { webhook: URL, events: ['start'] } });
    await ledger.sweep(100, 1);
    expect(await store.known([waiting, failing, plain])).toEqual([true, true, true]);
    const none = await store.ended();
    await ledger.sweep(100, 1);
    expect(await store.known([waiting, failing, plain, none])).toEqual([true, true, true, false]);
    const untold = await store.bytes('untold');
    expect(untold).toBeGreaterThan(6_000);
    expect(await store.bytes('records')).toBe(0);
    const full = await ledger.submit(submission(clock, { budget: untold }));
    expect(full).toEqual({ kind: 'full', pendingBytes: untold });

    await store.deliver(waiting);
    await ledger.sweep(100, 1);
    expect(await store.known([waiting, failing])).toEqual([false, true]);
    expect(await ledger.submit(submission(clock, { budget: untold }))).toMatchObject({ kind: 'new' });
  });

  it('is made by a record whose start was told in a generation that an automatic try left behind', async () => {
    const { ledger } = store.at;
    const id = await store.submitted({ head: { webhook: URL, events: ['start', 'completed'] } });
    await ledger.begin({ id, generation: 0 });
    await ledger.again({ id, generation: 0 }, 0);
    await ledger.begin({ id, generation: 1 });
    await ledger.succeed({ id, generation: 1 }, OUTPUT);
    await ledger.sweep(100, 1);
    await store.deliver(id, { generation: 1 });
    await ledger.sweep(100, 1);
    expect(await store.known([id])).toEqual([true]);
    await store.deliver(id, { event: 'start' });
    await ledger.sweep(100, 1);
    expect(await store.known([id])).toEqual([false]);
  });

  it('takes back what is retried although its webhook was never delivered', async () => {
    const { ledger, clock } = store.at;
    const id = await store.submitted({ head: { webhook: URL } });
    await ledger.fail({ id, generation: 0 }, FAILURE);
    const cost = await store.bytes('records');
    // Its input is the first to go, so keep it by a budget that it fits into.
    await ledger.sweep(100, cost);
    expect(await ledger.retry(id, clock.now() + 1_000)).toBe('gone');
    await store.at.redis.set(store.at.keys.payload(id), 'back');
    await ledger.sweep(100, 1);
    expect(await ledger.retry(id, clock.now() + 1_000)).toMatchObject({ applied: true });
    expect([await store.bytes('records'), await store.bytes('untold')]).toEqual([0, 0]);
  });

  it('keeps past its time what is to be told, until it has been, and for thirty days at most', async () => {
    const { ledger, clock, redis, keys } = store.at;
    const [told, never, early] = await Promise.all([1, 2, 3].map(() => store.ended({ head: { webhook: URL } })));
    const batch = await createdBatch(store.at, store.batches, URL);
    await store.batches.seal(batch);
    const plain = await store.ended();
    await store.deliver(early!);
    // It is kept for as long as its subject from its own, earlier, end on.
    await redis.del(keys.delivery(`msg_${early}_completed_0`));
    clock.pass(20_001);
    await ledger.sweep(100, ROOM);
    expect(await store.known([told!, never!, early!, plain])).toEqual([true, true, false, false]);
    expect(await store.batches.read(batch)).toMatchObject({ state: 'completed' });
    expect([await store.bytes('records'), (await store.bytes('untold')) > 5_000]).toEqual([0, true]);
    for (const key of [keys.prediction(never!), keys.batch(batch)]) {
      expect(await redis.pttl(key)).toBeGreaterThan(30 * 86_400_000);
    }
    await store.deliver(told!);
    await ledger.sweep(100, ROOM);
    await ledger.sweep(100, ROOM);
    expect(await store.known([told!, never!])).toEqual([false, true]);
    clock.pass(30 * 86_400_000);
    await ledger.sweep(100, ROOM);
    expect(await store.known([never!])).toEqual([false]);
    expect(await store.batches.read(batch)).toBeUndefined();
    expect([await store.bytes('records'), await store.bytes('untold')]).toEqual([0, 0]);
  });

  it('is made in proportion to what comes, which is refused while there is too much to go', async () => {
    const { ledger, clock } = store.at;
    const budget = 2_000_000;
    await Promise.all(Array.from({ length: 3_000 }, () => store.ended({ budget: 100_000_000 })));
    const all = async (): Promise<number> =>
      (await Promise.all(STORED.map(store.bytes))).reduce((sum, each) => sum + each);
    const before = await all();
    const large = Buffer.alloc(400_000);
    const submit = (): Promise<Submitted> =>
      ledger.submit(submission(clock, { budget, payload: [large], head: { inputBytes: large.length } }));
    expect(await submit()).toEqual({ kind: 'crowded' });
    // Not as much as it would have taken, but more than for a small one.
    expect(before - (await all())).toBeGreaterThan(100_000);
    while ((await ledger.sweep(256, budget)) > 0);
    expect(await submit()).toMatchObject({ kind: 'new' });
    expect(await all()).toBeLessThan(budget * 1.25);
  });
});
