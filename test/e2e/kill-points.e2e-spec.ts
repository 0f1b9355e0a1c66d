// Proves: between any two steps of a durable prediction's life a process may die, and the prediction still ends once,
// with its delivery decided once and every byte accounted for. The state that a crash leaves is made by calling the
// library up to that step, or by killing a process there.
import { createHash } from 'node:crypto';
import { durableJobId } from '#inference';
import { INPUT } from '../fixtures/ledger.js';
import { INPUT_BYTES, LANE, Scene } from '../fixtures/scene.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const WEBHOOK = { head: { webhook: 'https://x.test/', events: ['start', 'completed'] as ('start' | 'completed')[] } };
const CLOSED = { pending: 0, inputs: INPUT_BYTES };

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

const nothingLeft = () =>
  until('outbox, due and queue are empty', async () => {
    const { redis, keys, outbox } = scene.context;
    return (
      (await scene.outbox()).length === 0 &&
      (await redis.zcard(keys.due)) === 0 &&
      (await outbox.queue(LANE).backlog()) === 0
    );
  });

/** It ran, once, and all is closed. */
async function succeeded(id: string, attempts = 1): Promise<void> {
  expect(await scene.ended(id)).toMatchObject({ status: 'succeeded', attempts, generation: 0 });
  await nothingLeft();
  expect(await scene.bytes()).toEqual({ ...CLOSED, outputs: 1 });
  await until('its job is gone', async () => (await scene.job(id)) === 'missing');
}

describe('a gateway that dies', () => {
  it('after writing the payload leaves nothing', async () => {
    const { redis, keys } = scene.context;
    await redis.set(keys.payload('pnone'), INPUT, 'PX', 500);
    scene.upkeep();
    await until('the payload is gone', async () => (await redis.exists(keys.payload('pnone'))) === 0);
    expect(await scene.bytes()).toEqual({});
    expect(await redis.zcard(keys.due)).toBe(0);
  });

  it('after the submission leaves a job to be added by another', async () => {
    const id = await scene.submitted(WEBHOOK);
    scene.upkeep();
    await scene.worker();
    await succeeded(id);
    expect([await scene.delivery(id, 'start'), await scene.delivery(id, 'completed')]).toEqual([1, 1]);
  });

  it('after adding the job leaves an entry that adds nothing', async () => {
    const id = await scene.submitted();
    await scene.context.outbox.queue(LANE).add({ id, generation: 0 });
    scene.upkeep();
    await until('the entry is gone', async () => (await scene.outbox()).length === 0);
    expect(await scene.context.outbox.queue(LANE).backlog()).toBe(1);
    await scene.worker();
    await succeeded(id);
  });

  it('after cancelling leaves a delivery to be added by another, and a job that finds nothing to do', async () => {
    const id = await scene.queued(WEBHOOK);
    await scene.context.ledger.cancel(id);
    scene.upkeep();
    const worker = await scene.worker();
    await worker.logged(new RegExp(`nothing ${id} 0`));
    await nothingLeft();
    expect(await scene.context.ledger.read(id)).toMatchObject({ status: 'canceled', attempts: 0 });
    expect(await scene.delivery(id, 'completed')).toBe(1);
    expect(await scene.bytes()).toEqual(CLOSED);
  });
});

describe('a job that is gone', () => {
  it('is added again when its entry is gone too', async () => {
    const id = await scene.queued();
    await scene.context.outbox.queue(LANE).remove(durableJobId({ id, generation: 0 }));
    scene.upkeep();
    await scene.lookNow(id);
    await until('the job is there', async () => (await scene.job(id)) === 'there');
    await scene.worker();
    await succeeded(id);
  });

  it('is left to the outbox while its entry waits there', async () => {
    const { redis, keys, clock, outbox, metrics } = scene.context;
    const id = await scene.submitted();
    await redis.zadd(keys.outbox, clock.now() + 60_000, `job durable digits 1 ${id} 0`);
    await scene.lookNow(id);
    scene.upkeep();
    await until('it was looked at', async () => Number(await redis.zscore(keys.due, id)) > clock.now() + 1_000);
    expect(await outbox.queue(LANE).backlog()).toBe(0);
    expect((await metrics.reconciled.get()).values).toEqual([]);
  });
});

describe('a worker that dies', () => {
  it.each([
    ['having taken the job', 'taken', 1],
    ['having begun', 'began', 2],
  ] as const)('%s leaves it to another', async (_, step, attempts) => {
    const id = await scene.queued(WEBHOOK);
    const first = await scene.worker(step);
    await first.logged(new RegExp(`${step} ${id} 0`));
    first.kill('SIGKILL');
    scene.upkeep();
    await scene.worker();
    await succeeded(id, attempts);
    expect([await scene.delivery(id, 'start'), await scene.delivery(id, 'completed')]).toEqual([1, 1]);
  });

  it('having settled the record, but not the job, has settled it', async () => {
    const id = await scene.queued(WEBHOOK);
    const first = await scene.worker('succeeded');
    await first.logged(new RegExp(`succeeded ${id} 0`));
    first.kill('SIGKILL');
    expect(await scene.delivery(id, 'completed')).toBe(0);
    scene.upkeep();
    const second = await scene.worker();
    await second.logged(new RegExp(`nothing ${id} 0`));
    await succeeded(id);
    expect(await scene.delivery(id, 'completed')).toBe(1);
  });

  it('too often with the same job makes it a dead letter without any processor, which a retry runs', async () => {
    const { redis, keys, ledger, clock } = scene.context;
    const id = await scene.queued(WEBHOOK);
    const first = await scene.worker('began');
    await first.logged(new RegExp(`began ${id} 0`));
    first.kill('SIGKILL');
    // Five workers have died with it before.
    await redis.hset(`${scene.prefix}:durable.digits@1:${id}-0`, 'stc', 5);
    const second = await scene.worker();
    await until('BullMQ has failed it', async () => (await scene.job(id)) === 'failed');
    expect(second.log).not.toContain(id);
    expect(await ledger.read(id)).toMatchObject({ status: 'processing' });
    await scene.lookNow(id);
    scene.upkeep();
    const digest = createHash('sha256').update(INPUT).digest('hex');
    expect(await scene.ended(id)).toMatchObject({ status: 'failed', code: 'WORKER_LOST', dead: 'lost', digest });
    expect(await redis.zrange(keys.dead('public'), '0', '-1')).toEqual([id]);
    await until('its delivery is there', async () => (await scene.delivery(id, 'completed')) === 1);
    expect(await scene.bytes()).toEqual(CLOSED);

    await ledger.retry(id, clock.now() + 60_000);
    await until('it has run', async () => (await ledger.read(id))?.status === 'succeeded');
    expect(await ledger.read(id)).toMatchObject({ generation: 1, attempts: 1 });
    expect((await ledger.output(id))!.toString()).toBe('1');
    await nothingLeft();
    expect(await redis.zcard(keys.dead('public'))).toBe(0);
    expect(await scene.delivery(id, 'completed', 1)).toBe(1);
  });

  it('loses what it was told to cancel nowhere: the job that comes back finds it ended', async () => {
    const id = await scene.queued();
    const first = await scene.worker('began');
    await first.logged(new RegExp(`began ${id} 0`));
    expect((await scene.context.ledger.cancel(id)).applied).toBe(true);
    first.kill('SIGKILL');
    const second = await scene.worker();
    await second.logged(new RegExp(`nothing ${id} 0`));
    expect(await scene.context.ledger.read(id)).toMatchObject({ status: 'canceled' });
    expect(await scene.bytes()).toEqual(CLOSED);
  });
});

describe('a redrive', () => {
  it('runs in a generation of its own although BullMQ keeps the failed job', async () => {
    const { ledger, redis, clock } = scene.context;
    const id = await scene.queued();
    await ledger.fail(
      { id, generation: 0 },
      { code: 'WORKER_LOST', message: 'm', dead: { reason: 'lost', digest: 'd' } },
    );
    // As BullMQ keeps one: in no list but `failed`.
    await redis.del(`${scene.prefix}:durable.digits@1:wait`);
    await redis.zadd(`${scene.prefix}:durable.digits@1:failed`, clock.now(), `${id}-0`);
    await ledger.retry(id, clock.now() + 60_000);
    scene.upkeep();
    await scene.worker();
    expect(await scene.ended(id)).toMatchObject({ status: 'succeeded', generation: 1 });
    expect(await scene.job(id)).toBe('failed');
  });
});
