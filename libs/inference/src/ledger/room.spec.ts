/** What goes when the budget is full, what may not, and that nothing of it is left behind. */
import { chunkOf, createdBatch } from '../../../../test/fixtures/batch-rows.js';
import { claimsOn, ledgerInEach, METRICS, submission, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import type { DeliveryRef } from '../contract/durable-job.js';
import { Deliveries } from '../webhooks/deliveries.js';
import { RetrySchedule } from '../webhooks/schedule.js';
import { BatchLedger } from './batch-ledger.js';
import { HELD_COST } from './kept-lua.js';
import { STORED, type Submitted } from './ledger.js';

const OUTPUT = { outputs: [], bytes: Buffer.from('{}'), metrics: METRICS };
const FAILURE = { code: 'INTERNAL', message: 'no', dead: { reason: 'exhausted', digest: 'd' } } as const;
const ROOM = 1_000_000;
const URL = 'https://x.test/';

describe('the room for what has ended', () => {
  let at: LedgerOnRedis;
  let batches: BatchLedger;

  ledgerInEach((it) => {
    at = it;
    batches = new BatchLedger(at.redis, at.keys, at);
  });

  const bytes = async (what: string): Promise<number> => Number((await at.redis.hget(at.keys.bytes, what)) ?? 0);

  async function submitted(options: Parameters<typeof submission>[1] = {}): Promise<string> {
    at.clock.pass(1);
    const it = submission(at.clock, options);
    expect(await at.ledger.submit(it)).toMatchObject({ kind: 'new' });
    return it.id;
  }

  async function ended(options: Parameters<typeof submission>[1] = {}): Promise<string> {
    const id = await submitted(options);
    const output = { ...OUTPUT, begins: true };
    expect(await at.ledger.succeed({ id, generation: 0 }, output)).toMatchObject({ applied: true });
    return id;
  }

  async function deliver(
    prediction: string,
    {
      event = 'completed',
      generation = 0,
      verdict = 'delivered',
    }: Partial<DeliveryRef> & { verdict?: 'delivered' | 'failed' } = {},
  ): Promise<string> {
    const { redis, keys, clock } = at;
    const deliveries = new Deliveries({ redis, keys, clock, schedule: new RetrySchedule([0, 60]), keepMs: 20_000 });
    const ref: DeliveryRef = { prediction, event, generation };
    const run = { ref, round: 0, token: 't' };
    const endpoint = { id: 'e1', url: URL };
    const head = { owner: 'public', endpoint: endpoint.id, url: URL, at: clock.now() };
    expect(await deliveries.begin(run, head)).toMatchObject({ kind: 'granted' });
    const outcome = {
      verdict,
      attempt: { at: clock.now(), ms: 1 },
      ...(verdict === 'failed' ? { afterMs: 9_000 } : {}),
    };
    await deliveries.settle(run, { ...endpoint, attempts: 0 }, outcome);
    return `msg_${prediction}_${event}_${generation}`;
  }

  const known = async (ids: string[]): Promise<boolean[]> =>
    (await at.ledger.readMany(ids)).map((record) => record !== undefined);

  it('is made by the oldest records too, once their data is gone, down to a quarter of the budget', async () => {
    const ids = [];
    for (let n = 0; n < 8; n++) ids.push(await ended());
    const record = (await bytes('records')) / ids.length;
    const budget = 4 * (record + HELD_COST + OUTPUT.bytes.length);
    expect(await at.ledger.sweep(1, budget)).toBe(1);
    expect(await at.ledger.input(ids[0]!)).toBeNull();
    expect(await known(ids)).toEqual(Array(8).fill(true));
    await at.ledger.sweep(100, budget);
    expect(await known(ids)).toEqual([false, false, false, false, true, true, true, true]);
    for (const left of [3, 2, 1, 1]) {
      await submitted({ budget });
      expect((await known(ids)).filter(Boolean)).toHaveLength(left);
    }
    expect((await known(ids)).at(-1)).toBe(true);
    expect(await bytes('records')).toBe(record);
  });

  it('leaves nothing of a record: no index, no claim, no delivery', async () => {
    const { redis, keys, ledger, clock } = at;
    const names = [keys.claim('public', 'key', 'k'), keys.claim('public', 'alias', 'a')];
    const id = await submitted({ claims: claimsOn(names, 'f', 90_000), head: { webhook: URL } });
    await ledger.fail({ id, generation: 0 }, FAILURE);
    await deliver(id);
    await ledger.sweep(100, 1);
    await ledger.sweep(100, 1);
    expect(await known([id])).toEqual([false]);
    await redis.del(keys.outbox, keys.deadOwners);
    expect(await redis.keys(`${keys.prefix}:*`)).toEqual([keys.bytes]);
    for (const what of ['pending', 'inputs', 'outputs', 'records', 'untold']) expect(await bytes(what)).toBe(0);
    expect(await ledger.submit(submission(clock, { claims: claimsOn(names, 'f', 9) }))).toMatchObject({ kind: 'new' });
  });

  it('leaves a claim that has become another prediction’s', async () => {
    const { redis, keys, ledger } = at;
    const key = keys.claim('public', 'key', 'k');
    const id = await ended({ claims: claimsOn([key], 'f', 90_000) });
    await redis.set(key, 'g pother');
    await ledger.sweep(100, 1);
    expect(await known([id])).toEqual([false]);
    expect(await ledger.claimed(key)).toEqual({ fingerprint: 'g', id: 'pother' });
  });

  it('is not made by a record whose webhook is on its way, which counts like what has not ended', async () => {
    const { ledger, clock } = at;
    const waiting = await ended({ head: { webhook: URL } });
    const failing = await ended({ head: { webhook: URL } });
    await deliver(failing, { verdict: 'failed' });
    const plain = await ended({ head: { webhook: URL, events: ['start'] } });
    await ledger.sweep(100, 1);
    expect(await known([waiting, failing, plain])).toEqual([true, true, true]);
    const none = await ended();
    await ledger.sweep(100, 1);
    expect(await known([waiting, failing, plain, none])).toEqual([true, true, true, false]);
    const untold = await bytes('untold');
    expect(untold).toBeGreaterThan(6_000);
    expect(await bytes('records')).toBe(0);
    const full = await ledger.submit(submission(clock, { budget: untold }));
    expect(full).toEqual({ kind: 'full', pendingBytes: untold });

    await deliver(waiting);
    await ledger.sweep(100, 1);
    expect(await known([waiting, failing])).toEqual([false, true]);
    expect(await ledger.submit(submission(clock, { budget: untold }))).toMatchObject({ kind: 'new' });
  });

  it('is made by a record whose start was told in a generation that an automatic try left behind', async () => {
    const { ledger } = at;
    const id = await submitted({ head: { webhook: URL, events: ['start', 'completed'] } });
    await ledger.begin({ id, generation: 0 });
    await ledger.again({ id, generation: 0 }, 0);
    await ledger.begin({ id, generation: 1 });
    await ledger.succeed({ id, generation: 1 }, OUTPUT);
    await ledger.sweep(100, 1);
    await deliver(id, { generation: 1 });
    await ledger.sweep(100, 1);
    expect(await known([id])).toEqual([true]);
    await deliver(id, { event: 'start' });
    await ledger.sweep(100, 1);
    expect(await known([id])).toEqual([false]);
  });

  it('takes back what is retried although its webhook was never delivered', async () => {
    const { ledger, clock } = at;
    const id = await submitted({ head: { webhook: URL } });
    await ledger.fail({ id, generation: 0 }, FAILURE);
    const cost = await bytes('records');
    // Its input is the first to go, so keep it by a budget that it fits into.
    await ledger.sweep(100, cost);
    expect(await ledger.retry(id, clock.now() + 1_000)).toBe('gone');
    await at.redis.set(at.keys.payload(id), 'back');
    await ledger.sweep(100, 1);
    expect(await ledger.retry(id, clock.now() + 1_000)).toMatchObject({ applied: true });
    expect([await bytes('records'), await bytes('untold')]).toEqual([0, 0]);
  });

  it('keeps past its time what is to be told, until it has been, and for thirty days at most', async () => {
    const { ledger, clock, redis, keys } = at;
    const [told, never, early] = await Promise.all([1, 2, 3].map(() => ended({ head: { webhook: URL } })));
    const batch = await createdBatch(at, batches, URL);
    await batches.seal(batch);
    const plain = await ended();
    await deliver(early!);
    // It is kept for as long as its subject from its own, earlier, end on.
    await redis.del(keys.delivery(`msg_${early}_completed_0`));
    clock.pass(20_001);
    await ledger.sweep(100, ROOM);
    expect(await known([told!, never!, early!, plain])).toEqual([true, true, false, false]);
    expect(await batches.read(batch)).toMatchObject({ state: 'completed' });
    expect([await bytes('records'), (await bytes('untold')) > 5_000]).toEqual([0, true]);
    for (const key of [keys.prediction(never!), keys.batch(batch)]) {
      expect(await redis.pttl(key)).toBeGreaterThan(30 * 86_400_000);
    }
    await deliver(told!);
    await ledger.sweep(100, ROOM);
    await ledger.sweep(100, ROOM);
    expect(await known([told!, never!])).toEqual([false, true]);
    clock.pass(30 * 86_400_000);
    await ledger.sweep(100, ROOM);
    expect(await known([never!])).toEqual([false]);
    expect(await batches.read(batch)).toBeUndefined();
    expect([await bytes('records'), await bytes('untold')]).toEqual([0, 0]);
  });

  it('is made in proportion to what comes, which is refused while there is too much to go', async () => {
    const { ledger, clock } = at;
    const budget = 2_000_000;
    await Promise.all(Array.from({ length: 3_000 }, () => ended({ budget: 100_000_000 })));
    const all = async (): Promise<number> => (await Promise.all(STORED.map(bytes))).reduce((sum, each) => sum + each);
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
