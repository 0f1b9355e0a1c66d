/** The state machine of durable predictions, on a real Redis. */
import {
  claimsOn,
  INPUT,
  ledgerInEach,
  METRICS,
  submission,
  type LedgerOnRedis,
} from '../../../../test/fixtures/ledger.js';
import { parseLog } from '../contract/prediction-record.js';
import { DueSet } from './due-set.js';
import { HELD_COST } from './kept-lua.js';
import { RECORD_COST } from './lua.js';

const OUTPUT = {
  outputs: [{ type: 'json' as const, offset: 0, length: 2 }],
  bytes: Buffer.from('{}'),
  metrics: METRICS,
};

describe('ledger', () => {
  let at: LedgerOnRedis;

  ledgerInEach((it) => (at = it));

  async function submitted(
    options: Parameters<typeof submission>[1] = {},
  ): Promise<{ id: string; generation: number }> {
    const it = submission(at.clock, options);
    expect(await at.ledger.submit(it)).toMatchObject({ kind: 'new' });
    return { id: it.id, generation: 0 };
  }

  const bytes = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(await at.redis.hgetall(at.keys.bytes)).map(([name, text]) => [name, Number(text)]),
    );

  it('keeps what was submitted, with its input and a job to be added', async () => {
    const { ledger, redis, keys } = at;
    const ref = await submitted();
    expect(await ledger.read(ref.id)).toMatchObject({
      status: 'starting',
      generation: 0,
      attempts: 0,
      model: 'digits',
    });
    expect(await ledger.input(ref.id)).toEqual(INPUT);
    expect(await redis.pttl(keys.payload(ref.id))).toBe(-1);
    expect(await redis.zrange(keys.outbox, '0', '-1')).toEqual([`job durable digits 1 ${ref.id} 0`]);
    expect(await redis.zscore(keys.due, ref.id)).toBe(String(at.clock.now() + 30_000));
    expect(await redis.zrange(keys.predictions('public'), '0', '-1')).toEqual([ref.id]);
    expect(await bytes()).toEqual({ pending: INPUT.length + RECORD_COST });
  });

  it('runs to one end, whatever comes after', async () => {
    const { ledger, redis, keys } = at;
    const ref = await submitted();
    expect((await ledger.begin(ref)).applied).toBe(true);
    expect((await ledger.succeed(ref, OUTPUT)).applied).toBe(true);
    const code = { code: 'INTERNAL', message: 'no' } as const;
    const late = [ledger.begin(ref), ledger.succeed(ref, OUTPUT), ledger.fail(ref, code), ledger.expire(ref, code)];
    for (const each of [...late, ledger.again(ref, 0), ledger.cancel(ref.id)]) expect((await each).applied).toBe(false);
    const record = (await ledger.read(ref.id))!;
    expect(record).toMatchObject({ status: 'succeeded', attempts: 1, metrics: METRICS, started: at.clock.now() });
    expect(parseLog(record.log).map((event) => event.status)).toEqual(['starting', 'processing', 'succeeded']);
    expect(await ledger.output(ref.id)).toEqual(OUTPUT.bytes);
    expect(await redis.zcard(keys.due)).toBe(0);
    expect(await bytes()).toMatchObject({
      pending: 0,
      inputs: INPUT.length + HELD_COST,
      outputs: 2 + HELD_COST,
    });
  });

  it('tells begin and end in one step where the begin was not told before', async () => {
    const { ledger, redis, keys, clock } = at;
    const ref = await submitted({
      watcher: 'g1',
      head: { webhook: 'https://x.test/', events: ['start', 'completed'] },
    });
    expect((await ledger.succeed(ref, { ...OUTPUT, begins: true })).outbox).toEqual([
      `hook ${ref.id} start 0`,
      `hook ${ref.id} completed 0`,
    ]);
    const record = (await ledger.read(ref.id))!;
    expect(record).toMatchObject({ status: 'succeeded', attempts: 1, started: clock.now(), completed: clock.now() });
    expect(parseLog(record.log).map(({ id, status }) => [id, status])).toEqual([
      [1, 'starting'],
      [2, 'processing'],
      [3, 'succeeded'],
    ]);
    expect(await redis.xlen(keys.reply('g1'))).toBe(2);
    const told = await submitted();
    await ledger.begin(told);
    await ledger.succeed(told, OUTPUT);
    expect(await ledger.read(told.id)).toMatchObject({ attempts: 1 });
  });

  it('counts a redelivered job as a further attempt of the same generation', async () => {
    const { ledger } = at;
    const ref = await submitted();
    await ledger.begin(ref);
    await ledger.begin(ref);
    expect(await ledger.read(ref.id)).toMatchObject({ status: 'processing', attempts: 2 });
  });

  it('goes back to starting for another try, whose job is to be added after a pause', async () => {
    const { ledger, redis, keys, clock } = at;
    const ref = await submitted({ job: 'kshared' });
    expect(await ledger.read(ref.id)).toMatchObject({ job: 'kshared' });
    await ledger.begin(ref);
    const entry = `job durable digits 1 ${ref.id} 1`;
    expect(await ledger.again(ref, 5_000)).toEqual({ applied: true, outbox: [entry] });
    expect(await redis.zscore(keys.outbox, entry)).toBe(String(clock.now() + 5_000));
    const record = (await ledger.read(ref.id))!;
    expect(record).toMatchObject({ status: 'starting', generation: 1, attempts: 1, failures: 1 });
    expect(record.job).toBeUndefined();
    expect((await ledger.again(ref, 0)).applied).toBe(false);
  });

  it('ends as aborted when it never started by its deadline, as canceled when it ran', async () => {
    const { ledger } = at;
    const code = { code: 'DEADLINE_EXCEEDED', message: 'late' } as const;
    const waiting = await submitted();
    const running = await submitted();
    await ledger.begin(running);
    await ledger.expire(waiting, code);
    await ledger.expire(running, code);
    expect(await ledger.read(waiting.id)).toMatchObject({ status: 'aborted', code: 'DEADLINE_EXCEEDED' });
    expect(await ledger.read(running.id)).toMatchObject({ status: 'canceled', message: 'late' });
  });

  it('ends as canceled at a deadline that comes before a further try', async () => {
    const { ledger, clock, redis, keys } = at;
    const ref = await submitted();
    await ledger.begin(ref);
    await ledger.again(ref, 60_000);
    const due = new DueSet(redis, keys, clock);
    clock.pass(60_000);
    expect((await due.look(10)).findings).toMatchObject([{ id: ref.id, what: 'running', generation: 1 }]);
    await ledger.expire({ ...ref, generation: 1 }, { code: 'DEADLINE_EXCEEDED', message: 'late' });
    expect(await ledger.read(ref.id)).toMatchObject({ status: 'canceled', code: 'DEADLINE_EXCEEDED' });
  });

  it('keeps the client’s own id for as long as a record that is tried again late', async () => {
    const { ledger, keys, clock, redis } = at;
    const [key, alias] = [keys.claim('public', 'key', 'k'), keys.claim('public', 'alias', 'a')];
    const ref = await submitted({ claims: claimsOn([key, alias], 'f', 9_000) });
    await ledger.fail(ref, { code: 'INTERNAL', message: 'no' });
    await ledger.retry(ref.id, clock.now() + 60_000);
    const kept = (await ledger.read(ref.id))!.keepRecord;
    expect(await redis.pttl(alias)).toBeGreaterThan(60_000 + kept - 5_000);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(9_000);
  });

  it('begins a retry in a generation of its own, in which the old one has no say', async () => {
    const { ledger, redis, keys, clock } = at;
    const ref = await submitted();
    await ledger.fail(ref, { code: 'INTERNAL', message: 'no', dead: { reason: 'exhausted', digest: 'd' } });
    expect(await redis.zcard(keys.dead('public'))).toBe(1);
    const answer = await ledger.retry(ref.id, clock.now() + 60_000);
    expect(answer).toEqual({ applied: true, outbox: [`job durable digits 1 ${ref.id} 1`] });
    expect((await ledger.begin(ref)).applied).toBe(false);
    expect((await ledger.begin({ ...ref, generation: 1 })).applied).toBe(true);
    expect(await redis.zcard(keys.dead('public'))).toBe(0);
    const record = (await ledger.read(ref.id))!;
    expect(record).toMatchObject({ generation: 1, attempts: 1 });
    expect(record.code).toBeUndefined();
    expect(await bytes()).toEqual({ pending: INPUT.length + RECORD_COST, inputs: 0, records: 0 });
    expect(await redis.pttl(keys.prediction(ref.id))).toBe(-1);
  });

  it('refuses a retry of what runs, has succeeded, or has lost its input', async () => {
    const { ledger, redis, keys } = at;
    const ref = await submitted();
    expect(await ledger.retry(ref.id, 1)).toEqual({ applied: false, outbox: [] });
    await ledger.fail(ref, { code: 'INTERNAL', message: 'no' });
    await redis.del(keys.payload(ref.id));
    expect(await ledger.retry(ref.id, 1)).toBe('gone');
    const good = await submitted();
    await ledger.succeed(good, OUTPUT);
    expect(await ledger.retry(good.id, 1)).toEqual({ applied: false, outbox: [] });
  });

  it('decides deliveries with the transitions that call for them', async () => {
    const { ledger } = at;
    const ref = await submitted({ head: { webhook: 'https://x.test/', events: ['start', 'completed'] } });
    expect((await ledger.begin(ref)).outbox).toEqual([`hook ${ref.id} start 0`]);
    expect((await ledger.cancel(ref.id)).outbox).toEqual([`hook ${ref.id} completed 0`]);
    const plain = await submitted({ head: { webhook: 'https://x.test/' } });
    expect((await ledger.begin(plain)).outbox).toEqual([]);
    expect((await ledger.succeed(plain, OUTPUT)).outbox).toEqual([`hook ${plain.id} completed 0`]);
  });

  it('gives the same prediction for the same claim, and refuses another request under it', async () => {
    const { ledger, keys, clock, redis } = at;
    const [key, alias] = [keys.claim('public', 'key', 'k'), keys.claim('public', 'alias', 'a')];
    const held = [
      { key, ttlMs: 9_000 },
      { key: alias, ttlMs: 90_000 },
    ];
    const claims = { held, fingerprint: 'f' };
    const ref = await submitted({ claims });
    const second = submission(clock, { claims });
    expect(await ledger.submit(second)).toEqual({ kind: 'same', id: ref.id });
    expect(await redis.exists(keys.payload(second.id))).toBe(0);
    expect(await ledger.submit(submission(clock, { claims: { ...claims, fingerprint: 'g' } }))).toEqual({
      kind: 'conflict',
    });
    expect(await ledger.claimed(alias)).toEqual({ fingerprint: 'f', id: ref.id });
    for (const { key: claim, ttlMs } of held) {
      const ttl = await redis.pttl(claim);
      expect([ttl > ttlMs / 2, ttl <= ttlMs]).toEqual([true, true]);
    }
  });

  it('tells a watching gateway of every transition, and no other', async () => {
    const { ledger, redis, keys } = at;
    const ref = await submitted({ watcher: 'g1' });
    expect(await ledger.watch(ref.id, 'g2')).toBe(true);
    await ledger.begin(ref);
    for (const gateway of ['g1', 'g2']) {
      const [entry] = await redis.xrange(keys.reply(gateway), '-', '+');
      expect(JSON.parse(entry![1][1]!)).toEqual({ v: 1, id: ref.id, status: 'processing', generation: 0, event: 2 });
    }
    expect(await redis.exists(keys.reply('g3'))).toBe(0);
    expect(await ledger.watch('pnone', 'g2')).toBe(false);
  });

  it('makes room with the oldest ended inputs, then outputs, and refuses only when what is pending leaves none', async () => {
    const { ledger, clock } = at;
    const payload = [Buffer.alloc(4_000)];
    const head = { inputBytes: 4_000 };
    const budget = 3 * (4_000 + RECORD_COST);
    const first = await submitted({ payload, head, budget });
    await ledger.succeed(first, { ...OUTPUT, bytes: Buffer.alloc(4_000) });
    clock.pass(1);
    await submitted({ payload, head, budget });
    expect((await ledger.read(first.id))!.removed).toBeUndefined();
    await submitted({ payload, head, budget });
    expect(await ledger.input(first.id)).toBeNull();
    expect((await ledger.read(first.id))!.removed).toBe('1');
    await submitted({ payload, head, budget });
    expect(await ledger.output(first.id)).toBeNull();
    expect(await ledger.submit(submission(clock, { payload, head, budget }))).toMatchObject({ kind: 'full' });
    expect(await bytes()).toMatchObject({ pending: budget, inputs: 0, outputs: 0 });
  });

  it('removes data and then records when they have been kept their time', async () => {
    const { ledger, clock, redis, keys } = at;
    const ref = await submitted();
    const live = await submitted();
    await ledger.succeed(ref, OUTPUT);
    expect(await ledger.sweep(100, 1_000_000)).toBe(0);
    clock.pass(10_001);
    expect(await ledger.sweep(100, 1_000_000)).toBe(2);
    expect(await ledger.read(ref.id)).toMatchObject({ status: 'succeeded', removed: '1' });
    expect(await ledger.input(ref.id)).toBeNull();
    clock.pass(10_000);
    expect(await ledger.sweep(100, 1_000_000)).toBe(1);
    expect(await ledger.read(ref.id)).toBeUndefined();
    expect(await redis.zrange(keys.predictions('public'), '0', '-1')).toEqual([live.id]);
    expect(await bytes()).toEqual({ pending: INPUT.length + RECORD_COST, inputs: 0, outputs: 0, records: 0 });
  });

  it('bounds the log of a prediction that is retried without end', async () => {
    const { ledger } = at;
    const ref = await submitted();
    for (let generation = 0; generation < 60; generation++) {
      await ledger.fail({ ...ref, generation }, { code: 'INTERNAL', message: 'no' });
      await ledger.retry(ref.id, at.clock.now() + 1_000);
    }
    const { log } = (await ledger.read(ref.id))!;
    expect(log.length).toBeLessThanOrEqual(2_048);
    const events = parseLog(log);
    expect(events.at(-1)).toMatchObject({ status: 'starting', generation: 60, id: 121 });
    expect(events[1]!.id).toBe(events[0]!.id + 1);
  });

  it('goes on when Redis has forgotten its scripts', async () => {
    const ref = await submitted();
    await at.redis.script('FLUSH');
    expect((await at.ledger.begin(ref)).applied).toBe(true);
  });
});
