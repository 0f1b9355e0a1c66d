/** What bulk runs are to a full store: what goes of them, when, and that nothing is left behind. */
import { chunkOf, createdBatch } from '../../../../test/fixtures/batch-rows.js';
import { FAILURE, FullStore, OUTPUT, ROOM, URL } from '../../../../test/fixtures/full-store.js';
import { ledgerInEach, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import { BatchLedger } from './batch-ledger.js';

describe('the room for bulk runs', () => {
  let at: LedgerOnRedis;
  let batches: BatchLedger;
  let store: FullStore;

  ledgerInEach((it) => {
    at = it;
    batches = new BatchLedger(at.redis, at.keys, at);
    store = new FullStore(at);
  });

  const bytes = (what: string): Promise<number> => store.bytes(what);
  const ended: FullStore['ended'] = (options) => store.ended(options);
  const deliver: FullStore['deliver'] = (prediction, told) => store.deliver(prediction, told);

  it('is made by the chunks of a batch, and by the batch itself when it has ended and that was told', async () => {
    const { ledger, clock, redis, keys } = at;
    const id = await createdBatch(at, batches, URL);
    const chunks = [chunkOf(clock, [id, 0]), chunkOf(clock, [id, 3])];
    for (const each of chunks) {
      await batches.append(each);
      await ledger.succeed({ id: each.id, generation: 0 }, OUTPUT);
      clock.pass(1);
    }
    // Of both the data goes first, then one of the records.
    await ledger.sweep(5, 1);
    expect((await batches.chunks(id, { row: 0, limit: 9 })).chunks).toEqual([
      { forgotten: true, row: 0, count: 3 },
      expect.objectContaining({ id: chunks[1]!.id, status: 'succeeded', removed: '1' }),
    ]);
    await ledger.sweep(100, 1);
    expect(await batches.read(id)).toMatchObject({ state: 'open', succeeded: 6 });
    await batches.seal(id);
    await ledger.sweep(100, 1);
    expect(await batches.read(id)).toMatchObject({ state: 'completed' });
    await deliver(id);
    await ledger.sweep(100, 1);
    expect(await batches.read(id)).toBeUndefined();
    await redis.del(keys.outbox);
    expect(await redis.keys(`${keys.prefix}:*`)).toEqual([keys.bytes]);
    expect([await bytes('records'), await bytes('untold')]).toEqual([0, 0]);
  });

  it('counts a batch that is added to, sealed, ended and run again once', async () => {
    const { ledger, clock } = at;
    const id = await createdBatch(at, batches);
    const alone = await bytes('records');
    const [made, more] = [chunkOf(clock, [id, 0]), chunkOf(clock, [id, 3])];
    await batches.append(made);
    await ledger.sweep(100, 1);
    expect([await bytes('records'), await bytes('untold')]).toEqual([0, alone]);
    await batches.append(more);
    expect([await bytes('records'), await bytes('untold')]).toEqual([alone, 0]);
    await batches.seal(id);
    expect(await bytes('records')).toBe(0);
    for (const each of [more, made]) await ledger.fail({ id: each.id, generation: 0 }, FAILURE);
    expect(await bytes('records')).toBeGreaterThan(alone);
    const other = await bytes('records');
    expect(await ledger.retry(made.id, clock.now() + 1_000)).toMatchObject({ applied: true });
    expect(await bytes('records')).toBeLessThan(other - alone);
    expect(await bytes('untold')).toBe(0);
  });

  it('is never made by the run that it is for, and an open run that made some goes at its time', async () => {
    const { ledger, clock, redis, keys } = at;
    const id = await createdBatch(at, batches);
    await Promise.all(Array.from({ length: 5 }, () => ended()));
    const [budget, inputs] = [(await bytes('records')) + 5_000, await bytes('inputs')];
    const first = chunkOf(clock, [id, 0], { budget });
    expect(await batches.append(first)).toMatchObject({ kind: 'new', committed: 3 });
    expect(await batches.read(id)).toMatchObject({ state: 'open', committed: 3 });
    expect(await bytes('inputs')).toBeLessThan(inputs);
    await ledger.succeed({ id: first.id, generation: 0 }, OUTPUT);
    await ledger.sweep(100, 1);
    expect(await bytes('untold')).toBeGreaterThan(0);
    clock.pass(20_001);
    await ledger.sweep(100, ROOM);
    expect(await batches.read(id)).toBeUndefined();
    expect(await bytes('untold')).toBe(0);
    await redis.del(keys.outbox);
    expect(await redis.keys(`${keys.prefix}:batch*`)).toEqual([]);
  });

  it('is made by bulk runs that have no rows, and no more of them are begun than it holds', async () => {
    const { clock, ledger } = at;
    const head = {
      owner: 'public',
      model: 'digits',
      version: '1',
      request: 'r',
      created: clock.now(),
      keepRecord: 9e6,
    };
    const cost = await createdBatch(at, batches).then(() => bytes('records'));
    const budget = 20 * cost;
    for (let i = 0; i < 100; i++) {
      clock.pass(1);
      expect(await batches.create({ id: `b${i}`, head, budget })).toEqual({ kind: 'new' });
    }
    expect(await bytes('records')).toBeLessThanOrEqual(budget);
    expect(await batches.read('b99')).toMatchObject({ state: 'open' });
    const full = chunkOf(clock, ['b99', 0]);
    expect(await batches.append(full)).toMatchObject({ kind: 'new' });
    await ledger.sweep(100, 1);
    expect(await batches.read('b98')).toBeUndefined();
    const pendingBytes = (await bytes('pending')) + (await bytes('untold'));
    expect(await batches.create({ id: 'bmore', head, budget: pendingBytes })).toEqual({ kind: 'full', pendingBytes });
  });

  it('gives an idempotency key of a forgotten batch free', async () => {
    const { redis, keys, clock } = at;
    const claim = { key: keys.claim('public', 'key', 'k'), fingerprint: 'f', ttlMs: 9_000 };
    const head = { owner: 'public', model: 'digits', version: '1', request: 'r', created: clock.now(), keepRecord: 9 };
    await batches.create({ id: 'bone', head, claim, budget: 1_000_000 });
    expect(await batches.create({ id: 'btwo', head, claim, budget: 1_000_000 })).toEqual({ kind: 'same', id: 'bone' });
    await redis.del(keys.batch('bone'));
    expect(await batches.create({ id: 'btwo', head, claim, budget: 1_000_000 })).toEqual({ kind: 'new' });
  });
});
