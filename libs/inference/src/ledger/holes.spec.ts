/** What would slowly go wrong: bytes that drift, indexes that only grow, data lost to a repeat, a full Redis. */
import { startRedis, type TestRedis } from '../../../../test/support/redis.js';
import {
  claimsOn,
  INPUT,
  ledgerOn,
  METRICS,
  submission,
  type LedgerOnRedis,
} from '../../../../test/fixtures/ledger.js';
import { DueSet } from './due-set.js';
import { HELD_COST } from './kept-lua.js';
import { RECORD_COST } from './lua.js';

const success = (bytes: Buffer) => ({ outputs: [], bytes, metrics: METRICS });
const FAILURE = { code: 'INTERNAL', message: 'no', dead: { reason: 'exhausted', digest: 'd' } } as const;
const ROOM = 1_000_000;

describe('the ledger in the long run', () => {
  let server: TestRedis;
  let at: LedgerOnRedis;

  beforeAll(async () => {
    server = await startRedis({ forceChild: true });
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    at = ledgerOn(server.url);
  });
  afterEach(() => at.redis.disconnect());

  const bytes = () => at.redis.hgetall(at.keys.bytes);

  it.each([[undefined], [['claim']]])(
    'keeps the input of a submission that is sent again (claims: %p)',
    async (names) => {
      const { ledger, clock, redis, keys } = at;
      const claims = names && {
        claims: claimsOn(
          names.map((name) => keys.claim('public', 'key', name)),
          'f',
          9_000,
        ),
      };
      const it = submission(clock, claims);
      await ledger.submit(it);
      expect(await ledger.submit(it)).toEqual({ kind: 'same', id: it.id });
      expect(await ledger.input(it.id)).toEqual(INPUT);
      expect(await redis.pttl(keys.payload(it.id))).toBe(-1);
      expect(await bytes()).toEqual({ pending: String(INPUT.length + RECORD_COST) });
    },
  );

  it('takes a claim on a forgotten record for none', async () => {
    const { ledger, clock, redis, keys } = at;
    const key = keys.claim('public', 'key', 'k');
    const claims = claimsOn([key], 'f', 90_000);
    const first = submission(clock, { claims });
    await ledger.submit(first);
    await ledger.cancel(first.id);
    await redis.del(keys.prediction(first.id));
    const second = submission(clock, { claims });
    expect(await ledger.submit(second)).toMatchObject({ kind: 'new' });
    expect(await ledger.claimed(key)).toEqual({ fingerprint: 'f', id: second.id });
  });

  it('forgets records in every index although Redis forgot them by their TTL first', async () => {
    const { ledger, clock, redis, keys } = at;
    const owner = 'an owner of 3 words';
    const it = submission(clock, { head: { owner } });
    await ledger.submit(it);
    await ledger.fail({ id: it.id, generation: 0 }, FAILURE);
    await redis.del(keys.prediction(it.id), keys.payload(it.id));
    clock.pass(20_001);
    await ledger.sweep(10, ROOM);
    expect(await redis.zcard(keys.predictions(owner))).toBe(0);
    expect(await redis.zcard(keys.dead(owner))).toBe(0);
    expect(await bytes()).toEqual({ pending: '0', inputs: '0', records: '0' });
  });

  it('does not sweep what was retried meanwhile', async () => {
    const { ledger, clock, redis, keys } = at;
    const it = submission(clock);
    await ledger.submit(it);
    await ledger.fail({ id: it.id, generation: 0 }, FAILURE);
    await ledger.retry(it.id, clock.now() + 90_000);
    clock.pass(30_000);
    expect(await ledger.sweep(10, ROOM)).toBe(0);
    expect(await ledger.read(it.id)).toMatchObject({ status: 'starting', generation: 1 });
    expect(await redis.zcard(keys.predictions('public'))).toBe(1);
  });

  it('sweeps outputs that grew over the budget although nobody submits', async () => {
    const { ledger, clock } = at;
    const ended = [submission(clock), submission(clock)];
    for (const it of ended) {
      await ledger.submit(it);
      await ledger.succeed({ id: it.id, generation: 0 }, success(Buffer.alloc(5_000)));
      clock.pass(1);
    }
    const record = Number((await bytes())['records']) / 2;
    const held = 5_000 + HELD_COST;
    expect(await ledger.sweep(10, held + 2 * record)).toBe(3);
    expect(await bytes()).toEqual({ pending: '0', inputs: '0', outputs: String(held), records: String(2 * record) });
    expect(await ledger.output(ended[0]!.id)).toBeNull();
    expect(await ledger.output(ended[1]!.id)).not.toBeNull();
  });

  it('tells of a start once in a generation, however often its job comes back', async () => {
    const { ledger, clock } = at;
    const it = submission(clock, { head: { webhook: 'https://x.test/', events: ['start'] } });
    await ledger.submit(it);
    const ref = { id: it.id, generation: 0 };
    expect((await ledger.begin(ref)).outbox).toHaveLength(1);
    expect((await ledger.begin(ref)).outbox).toEqual([]);
    await ledger.cancel(it.id);
    await ledger.retry(it.id, clock.now() + 1_000);
    expect((await ledger.begin({ ...ref, generation: 1 })).outbox).toEqual([`hook ${it.id} start 1`]);
  });

  it('does not keep the stream of a dead gateway alive', async () => {
    const { ledger, clock, redis, keys } = at;
    const it = submission(clock, { watcher: 'gdead' });
    await ledger.submit(it);
    await ledger.begin({ id: it.id, generation: 0 });
    expect(await redis.ttl(keys.reply('gdead'))).toBeGreaterThan(20);
    await redis.expire(keys.reply('gdead'), 20);
    await ledger.again({ id: it.id, generation: 0 }, 0);
    expect(await redis.xlen(keys.reply('gdead'))).toBe(2);
    expect(await redis.ttl(keys.reply('gdead'))).toBeLessThanOrEqual(20);
  });

  it('ends and sweeps predictions when Redis has no memory left', async () => {
    const { ledger, clock, redis } = at;
    const refs = [];
    for (let n = 0; n < 5; n++) {
      const it = submission(clock);
      await ledger.submit(it);
      refs.push({ id: it.id, generation: 0 });
    }
    const [a, b, c, d, e] = refs as [(typeof refs)[0], ...typeof refs];
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(redis.set('x', 'y')).rejects.toThrow(/OOM/);
      await expect(ledger.submit(submission(clock))).rejects.toThrow(/OOM/);
      const ends = [
        ledger.succeed(a, success(Buffer.from('{}'))),
        ledger.fail(b!, FAILURE),
        ledger.expire(c!, FAILURE),
        ledger.cancel(d!.id),
      ];
      for (const end of ends) expect((await end).applied).toBe(true);
      clock.pass(60_001);
      const { findings } = await new DueSet(redis, at.keys, clock).look(10);
      expect(findings).toMatchObject([{ id: e!.id, what: 'unstarted' }]);
      expect(await ledger.sweep(10, ROOM)).toBe(9);
      expect(await ledger.read(e!.id)).toMatchObject({ status: 'starting' });
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await bytes()).toEqual({
      pending: String(INPUT.length + RECORD_COST),
      inputs: '0',
      outputs: '0',
      records: '0',
    });
  });
});
