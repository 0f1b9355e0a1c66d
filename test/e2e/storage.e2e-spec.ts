// Proves: predictions that have ended, however many, never fill Redis, and what was accepted is not among what goes.
import { Redis } from 'ioredis';
import { newSecret } from '#inference';
import { ask } from '../support/http.js';
import { metric } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Receiver } from '../support/receiver.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

/** Of which half is for durable predictions: some 4 000 of these. */
const MAX_MEMORY = 24 * 1024 * 1024;
const COUNT = 9_000;
const CALLERS = 32;

const models = new ModelsFolder().fixtures('row_sum');
let server: TestRedis;
let redis: Redis;
let stack: Stack;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  await redis.config('SET', 'maxmemory', MAX_MEMORY);
  stack = await Stack.start({ models: models.path, redisUrl: server.url });
});
afterAll(async () => {
  await stack.close();
  redis.disconnect();
  await server.stop();
  models.remove();
});

const submit = (url: string, row: number, headers: Record<string, string> = {}) =>
  ask(`${url}/predict/row_sum`, {
    headers: { 'content-type': 'application/json', prefer: 'respond-async', ...headers },
    body: JSON.stringify({ input: [row, 1, 2, 3] }),
  });

interface Told {
  data: { id: string };
}

const stored = (what: string) => metric(stack.url, 'sluice_storage_bytes', { what });

it('takes more than Redis could hold, keeps within its share, and has the newest still', async () => {
  const ids: string[] = [];
  const statuses = new Set<number>();
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < COUNT) {
      const row = next++;
      const { status, json } = await submit(stack.url, row);
      statuses.add(status);
      ids[row] = json.id;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  expect([...statuses]).toEqual([202]);
  const read = (row: number) => ask(`${stack.url}/v1/predictions/${ids[row]}`, { method: 'GET' });
  await until('the last has ended', async () => (await read(COUNT - 1)).json.status === 'succeeded');

  expect((await read(COUNT - 1)).json).toMatchObject({ output: [COUNT - 1 + 6] });
  expect(await read(0)).toMatchObject({ status: 404, json: { code: 'PREDICTION_NOT_FOUND' } });
  const budget = await metric(stack.url, 'sluice_storage_budget_bytes');
  expect(budget).toBe(MAX_MEMORY / 2);
  // What ends after the last submission brings its output with it, for which the next sweep makes room.
  await until('what is kept is within its share', async () => {
    const each = await Promise.all(['pending', 'untold', 'inputs', 'outputs', 'records'].map(stored));
    const taken = each.reduce((sum, bytes) => sum + bytes);
    return taken > budget / 2 && taken <= budget;
  });
  expect(Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])).toBeLessThan(0.8 * MAX_MEMORY);
});

it('refuses new ones rather than forget what must be told, until it has been', async () => {
  const receiver = await Receiver.start();
  receiver.answer({ status: 503 });
  const small = await Stack.start({
    models: models.path,
    redisUrl: server.url,
    gatewayEnv: {
      SLUICE_STORAGE_SHARE: '0.01',
      SLUICE_WEBHOOK_SECRET: newSecret(),
      SLUICE_WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
      SLUICE_WEBHOOK_SCHEDULE: `0${',500ms'.repeat(30)}`,
    },
  });
  try {
    const told = { 'webhook-url': receiver.url };
    const accepted: string[] = [];
    await until('there is no room for another', async () => {
      const { status, json } = await submit(small.url, accepted.length, told);
      if (status === 202) accepted.push(json.id);
      else expect([status, json.code]).toEqual([503, 'STORAGE_FULL']);
      return status !== 202;
    });
    expect(accepted.length).toBeGreaterThan(50);
    receiver.forget();
    const heard = () => new Set(receiver.requests.map(({ body }) => (JSON.parse(body) as Told).data.id));
    await until('all have been told', () => accepted.every((id) => heard().has(id)), 60_000);
    await until('there is room again', async () => (await submit(small.url, 1, told)).status === 202);
  } finally {
    await small.close();
    await receiver.close();
  }
}, 120_000);
