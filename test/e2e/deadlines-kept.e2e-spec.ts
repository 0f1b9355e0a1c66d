// Proves: a durable prediction ends at its deadline, in Redis' time, although no worker lives, the worker that has it
// hangs, the gateway's clock is wrong, or ten thousand are due at once.
import { Scene, LANE, INPUT_BYTES } from '../fixtures/scene.js';
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
afterEach(async () => {
  await scene.close();
  jest.restoreAllMocks();
});

const inMs = (ms: number) => ({ deadline: scene.context.clock.now() + ms });

it('aborts what no worker has started, takes its job out and tells its receiver', async () => {
  const id = await scene.queued({ ...inMs(3_500), head: { webhook: 'https://x.test/' } });
  scene.upkeep();
  const record = await scene.ended(id);
  expect(record).toMatchObject({ status: 'aborted', code: 'DEADLINE_EXCEEDED', attempts: 0 });
  expect(record.completed! - record.deadline).toBeGreaterThanOrEqual(0);
  expect(record.completed! - record.deadline).toBeLessThan(1_000);
  await until('its job is gone', async () => (await scene.job(id)) === 'missing');
  await until('its delivery is there', async () => (await scene.delivery(id, 'completed')) === 1);
  expect(await scene.bytes()).toEqual({ pending: 0, inputs: INPUT_BYTES });
});

it('cancels what a worker still runs, and tells the workers', async () => {
  const { redis, keys } = scene.context;
  const id = await scene.queued(inMs(2_500));
  const worker = await scene.worker('began');
  await worker.logged(new RegExp(`began ${id} 0`));
  scene.upkeep();
  expect(await scene.ended(id)).toMatchObject({ status: 'canceled', code: 'DEADLINE_EXCEEDED', attempts: 1 });
  await until('the workers are told', async () =>
    JSON.stringify(await redis.xrange(keys.control, '-', '+')).includes(id),
  );
  // The worker holds it: its job is left to it.
  expect(await scene.job(id)).toBe('there');
  const late = await scene.context.ledger.succeed(
    { id, generation: 0 },
    {
      outputs: [],
      bytes: Buffer.from('late'),
      metrics: {
        queue_ms: 0,
        batch_wait_ms: 0,
        preprocess_ms: 0,
        infer_ms: 0,
        batch_size: 1,
        release_reason: 'greedy',
        worker: 'w',
      },
    },
  );
  expect(late.applied).toBe(false);
  expect(await scene.bytes()).toEqual({ pending: 0, inputs: INPUT_BYTES });
});

it.each([-90_000, 90_000])('keeps deadlines by the clock of Redis when its own is off by %i ms', async (offset) => {
  const id = await scene.queued(inMs(3_000));
  for (const clock of [performance, Date]) {
    const now = clock.now.bind(clock);
    jest.spyOn(clock, 'now').mockImplementation(() => now() + offset);
  }
  const gateway = scene.gateway();
  await until('Redis answers', async () => (await gateway.redis.ping()).length > 0);
  await gateway.clock.start();
  expect(Math.abs(gateway.clock.skewMs)).toBeGreaterThan(80_000);
  scene.upkeep(gateway);
  const record = await scene.ended(id);
  expect(record.status).toBe('aborted');
  expect(record.completed! - record.deadline).toBeGreaterThanOrEqual(0);
  expect(record.completed! - record.deadline).toBeLessThan(1_000);
});

it('ends two thousand that are due at once, and answers meanwhile', async () => {
  const { redis, keys, outbox } = scene.context;
  const { deadline } = inMs(6_000);
  const ids = await scene.manySubmitted(2_000, { deadline });
  await scene.dispatched(ids);
  scene.upkeep();
  let slowest = 0;
  await until('all have ended', async () => {
    const asked = performance.now();
    await redis.ping();
    slowest = Math.max(slowest, performance.now() - asked);
    return (await redis.zcard(keys.due)) === 0;
  });
  await until('their jobs are gone', async () => (await outbox.queue(LANE).backlog()) === 0);
  expect(slowest).toBeLessThan(1_000);
  expect(await scene.bytes()).toEqual({ pending: 0, inputs: 2_000 * INPUT_BYTES });
});
