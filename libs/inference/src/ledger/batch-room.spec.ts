/** What bulk runs are to a full store: what goes of them, when, and that nothing is left behind. */
import { chunkOf, createdBatch } from '../../../../test/fixtures/batch-rows.js';
import { FAILURE, fullStoreInEach, OUTPUT, ROOM, URL, type FullStore } from '../../../../test/fixtures/full-store.js';

describe('the room for bulk runs', () => {
  let store: FullStore;
  fullStoreInEach((it) => (store = it));

  it('is made by the chunks of a batch, and by the batch itself when it has ended and that was told', async () => {
    const { ledger, clock, redis, keys } = store.at;
    const id = await createdBatch(store.at, store.batches, URL);
    const chunks = [chunkOf(clock, [id, 0]), chunkOf(clock, [id, 3])];
    for (const each of chunks) {
      await store.batches.append(each);
      await ledger.succeed({ id: each.id, generation: 0 }, OUTPUT);
      clock.pass(1);
    }
    // Of both the data goes first, then one of the records.
    await ledger.sweep(5, 1);
    expect((await store.batches.chunks(id, { row: 0, limit: 9 })).chunks).toEqual([
      { forgotten: true, row: 0, count: 3 },
      expect.objectContaining({ id: chunks[1]!.id, status: 'succeeded', removed: '1' }),
    ]);
    await ledger.sweep(100, 1);
    expect(await store.batches.read(id)).toMatchObject({ state: 'open', succeeded: 6 });
    await store.batches.seal(id);
    await ledger.sweep(100, 1);
    expect(await store.batches.read(id)).toMatchObject({ state: 'completed' });
    await store.deliver(id);
    await ledger.sweep(100, 1);
    expect(await store.batches.read(id)).toBeUndefined();
    await redis.del(keys.outbox);
    expect(await redis.keys(`${keys.prefix}:*`)).toEqual([keys.bytes]);
    expect([await store.bytes('records'), await store.bytes('untold')]).toEqual([0, 0]);
  });

  it('counts a batch that is added to, sealed, ended and run again once', async () => {
    const { ledger, clock } = store.at;
    const id = await createdBatch(store.at, store.batches);
    const alone = await store.bytes('records');
    const [made, more] = [chunkOf(clock, [id, 0]), chunkOf(clock, [id, 3])];
    await store.batches.append(made);
    await ledger.sweep(100, 1);
    expect([await store.bytes('records'), await store.bytes('untold')]).toEqual([0, alone]);
    await store.batches.append(more);
    expect([await store.bytes('records'), await store.bytes('untold')]).toEqual([alone, 0]);
    await store.batches.seal(id);
    expect(await store.bytes('records')).toBe(0);
    for (const each of [more, made]) await ledger.fail({ id: each.id, generation: 0 }, FAILURE);
    expect(await store.bytes('records')).toBeGreaterThan(alone);
    const other = await store.bytes('records');
    expect(await ledger.retry(made.id, clock.now() + 1_000)).toMatchObject({ applied: true });
    expect(await store.bytes('records')).toBeLessThan(other - alone);
    expect(await store.bytes('untold')).toBe(0);
  });

  it('is never made by the run that it is for, and an open run that made some goes at its time', async () => {
    const { ledger, clock, redis, keys } = store.at;
    const id = await createdBatch(store.at, store.batches);
    await Promise.all(Array.from({ length: 5 }, () => store.ended()));
    const [budget, inputs] = [(await store.bytes('records')) + 5_000, await store.bytes('inputs')];
    const first = chunkOf(clock, [id, 0], { budget });
    expect(await store.batches.append(first)).toMatchObject({ kind: 'new', committed: 3 });
    expect(await store.batches.read(id)).toMatchObject({ state: 'open', committed: 3 });
    expect(await store.bytes('inputs')).toBeLessThan(inputs);
    await ledger.succeed({ id: first.id, generation: 0 }, OUTPUT);
    await ledger.sweep(100, 1);
    expect(await store.bytes('untold')).toBeGreaterThan(0);
    clock.pass(20_001);
    await ledger.sweep(100, ROOM);
    expect(await store.batches.read(id)).toBeUndefined();
    expect(await store.bytes('untold')).toBe(0);
    await redis.del(keys.outbox);
    expect(await redis.keys(`${keys.prefix}:batch*`)).toEqual([]);
  });

  it('is made by bulk runs that have no rows, and no more of them are begun than it holds', async () => {
    const { clock, ledger } = store.at;
    const head = {
      owner: 'public',
      model: 'digits',
      version: '1',
      request: 'r',
      created: clock.now(),
      keepRecord: 9e6,
    };
    const cost = await createdBatch(store.at, store.batches).then(() => store.bytes('records'));
    const budget = 20 * cost;
    for (let i = 0; i < 100; i++) {
      clock.pass(1);
      expect(await store.batches.create({ id: `b${i}`, head, budget })).toEqual({ kind: 'new' });
    }
    expect(await store.bytes('records')).toBeLessThanOrEqual(budget);
    expect(await store.batches.read('b99')).toMatchObject({ state: 'open' });
    const full = chunkOf(clock, ['b99', 0]);
    expect(await store.batches.append(full)).toMatchObject({ kind: 'new' });
    await ledger.sweep(100, 1);
    expect(await store.batches.read('b98')).toBeUndefined();
    const pendingBytes = (await store.bytes('pending')) + (await store.bytes('untold'));
    expect(await store.batches.create({ id: 'bmore', head, budget: pendingBytes })).toEqual({
      kind: 'full',
      pendingBytes,
    });
  });

  it('gives an idempotency key of a forgotten batch free', async () => {
    const { redis, keys, clock } = store.at;
    const claim = { key: keys.claim('public', 'key', 'k'), fingerprint: 'f', ttlMs: 9_000 };
    const head = { owner: 'public', model: 'digits', version: '1', request: 'r', created: clock.now(), keepRecord: 9 };
    await store.batches.create({ id: 'bone', head, claim, budget: 1_000_000 });
    expect(await store.batches.create({ id: 'btwo', head, claim, budget: 1_000_000 })).toEqual({
      kind: 'same',
      id: 'bone',
    });
    await redis.del(keys.batch('bone'));
    expect(await store.batches.create({ id: 'btwo', head, claim, budget: 1_000_000 })).toEqual({ kind: 'new' });
  });
});
