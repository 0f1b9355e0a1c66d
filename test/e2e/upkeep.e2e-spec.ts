// Proves: the outbox is drained by everybody and blocked by nothing, and one gateway at a time does the rest.
import { INPUT } from '../fixtures/ledger.js';
import { LANE, Scene } from '../fixtures/scene.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: TestRedis;
let scene: Scene;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  scene = await Scene.on(server.url);
});
afterEach(() => scene.close());

describe('the outbox', () => {
  it('is drained past entries that cannot be read or added, however many', async () => {
    const { redis, keys } = scene.context;
    // BullMQ refuses job ids with a colon.
    const refused = Array.from({ length: 300 }, (_, n) => `job durable digits 1 p:${n} 0`);
    await redis.zadd(
      keys.outbox,
      ...refused.flatMap((member) => [1, member]),
      2,
      'no entry at all',
      2,
      'hook p1 never 0',
    );
    const id = await scene.submitted();
    scene.upkeep();
    await until('the job is there', async () => (await scene.job(id)) === 'there');
    await until('what cannot be read is gone', async () => (await scene.outbox()).length === refused.length);
    expect((await scene.outbox()).sort()).toEqual(refused.sort());
  });

  it('is drained once by three gateways that drain at once', async () => {
    const ids = await scene.manySubmitted(1_000);
    for (const gateway of [scene.context, scene.gateway(), scene.gateway()]) {
      await gateway.clock.start().catch(() => undefined);
      scene.upkeep(gateway);
    }
    await until('it is empty', async () => (await scene.outbox()).length === 0);
    const { redis } = scene.context;
    const waiting = await redis.lrange(`${scene.prefix}:durable.digits@1:wait`, 0, -1);
    expect(waiting.sort()).toEqual(ids.map((id) => `${id}-0`).sort());
  });

  it('shows its size and age, and what waits', async () => {
    const { redis, keys, clock, metrics, ledger } = scene.context;
    const first = await scene.submitted();
    await scene.submitted();
    await ledger.fail(
      { id: first, generation: 0 },
      { code: 'INTERNAL', message: 'm', dead: { reason: 'lost', digest: 'd' } },
    );
    await redis.zadd(keys.outbox, clock.now() - 60_000, 'job durable digits 1 p:x 0');
    scene.upkeep();
    const value = async (name: 'pending' | 'deadLetters' | 'outboxSize' | 'outboxAge') =>
      (await metrics[name].get()).values[0]?.value ?? 0;
    await until('the gauges are set', async () => (await value('outboxAge')) >= 60);
    expect([await value('pending'), await value('deadLetters')]).toEqual([1, 1]);
    expect(await value('outboxSize')).toBeGreaterThanOrEqual(1);
  });
});

describe('the lease', () => {
  it('has one holder, whose death another notices within ten seconds', async () => {
    const { redis, keys } = scene.context;
    const done: string[] = [];
    const names = ['first', 'second'];
    for (const name of names) {
      const gateway = name === 'first' ? scene.context : scene.gateway();
      const upkeep = scene.upkeep(gateway);
      upkeep.chore('broken', () => Promise.reject(new Error('broken')));
      upkeep.chore('note', async () => {
        await Promise.resolve();
        done.push(name);
      });
      if (name === 'first')
        await until('it holds the lease', async () => (await redis.get(keys.upkeep)) === gateway.id);
    }
    await until('chores have run twice', () => done.length >= 2);
    expect(new Set(done)).toEqual(new Set(['first']));
    // Its connection is gone for good, so it can neither renew nor release.
    const at = Date.now();
    scene.context.disconnect();
    await until('the other does the chores', () => done.includes('second'), 10_000);
    expect(Date.now() - at).toBeGreaterThan(3_000);
  });

  it('is free at once when its holder stops, who does nothing afterwards', async () => {
    const { redis, keys } = scene.context;
    let runs = 0;
    const upkeep = scene.upkeep();
    upkeep.chore('count', async () => {
      await Promise.resolve();
      runs++;
    });
    await until('chores run', () => runs > 0);
    await upkeep.stop();
    expect(await redis.exists(keys.upkeep)).toBe(0);
    const before = runs;
    const other = scene.upkeep(scene.gateway());
    let others = 0;
    other.chore('count', async () => {
      await Promise.resolve();
      others++;
    });
    await until('the other runs them', () => others > 1);
    expect(runs).toBe(before);
  });
});

describe('what has been kept its time', () => {
  it('goes, data first, then record and index', async () => {
    const { ledger, redis, keys } = scene.context;
    const id = await scene.queued({ head: { keepData: 1_000, keepRecord: 4_000 } });
    await ledger.cancel(id);
    expect(await ledger.input(id)).toEqual(INPUT);
    scene.upkeep();
    await until('the input is gone', async () => (await ledger.input(id)) === null);
    expect(await ledger.read(id)).toMatchObject({ status: 'canceled', removed: '1' });
    await until('the record is gone', async () => (await ledger.read(id)) === undefined);
    expect(await redis.zcard(keys.predictions('public'))).toBe(0);
    expect(await scene.bytes()).toEqual({ pending: 0, inputs: 0 });
  });
});

describe('a look at what runs well', () => {
  it('changes nothing, and comes rarely', async () => {
    const { redis, keys, clock, metrics, outbox } = scene.context;
    const ids = await scene.manySubmitted(500);
    await scene.dispatched(ids);
    await Promise.all(ids.map((id) => scene.lookNow(id)));
    scene.upkeep();
    await until('all were looked at', async () => (await redis.zcount(keys.due, '-inf', clock.now() + 20_000)) === 0);
    expect(await redis.zcount(keys.due, '-inf', clock.now() + 40_000)).toBe(500);
    expect((await metrics.reconciled.get()).values).toEqual([]);
    expect(await outbox.queue(LANE).backlog()).toBe(500);
  });

  it('never adds a job again that moves while it looks', async () => {
    const { redis, keys, clock, metrics } = scene.context;
    scene.upkeep();
    const worker = await scene.worker();
    const ids = await scene.manySubmitted(400);
    await scene.dispatched(ids);
    await until('all have ended', async () => {
      const live = await redis.zrange(keys.due, '0', '-1');
      if (live.length > 0) await redis.zadd(keys.due, 'XX', ...live.flatMap((id) => [Math.floor(clock.now()), id]));
      return live.length === 0;
    });
    expect((await metrics.reconciled.get()).values).toEqual([]);
    expect(worker.log).not.toContain('nothing');
  });
});
