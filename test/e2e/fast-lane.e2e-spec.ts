// Proves: what design and decisions promise of packs, credits and replies when one of them is lost or doubled.
import { Redis } from 'ioredis';
import { postJson } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { packsKey } from '../support/packs.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'row_sum');
let stack: Stack;
let redis: Redis;
beforeAll(async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['slow', 'row_sum'] });
  redis = new Redis(stack.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await stack.close();
  models.remove();
});

const slow = (i: number, headers = {}) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] }, headers);
const sum = (url: string, i: number, headers = {}) =>
  postJson(`${url}/predict/row_sum`, { input: [i, 0, 0, 0] }, headers);
const queueKey = (model: string, part: string) => packsKey(stack, model, part);
const payloads = () => redis.keys(`${stack.prefix}:payload:*`);

it('answers 504 for packs that were lost, and gets their credits back', async () => {
  const worker = stack.workers[0]!;
  // A worker that stands still takes none of the packs that are thrown away here, each with its bytes.
  worker.kill('SIGSTOP');
  const doomed = Array.from({ length: 12 }, (_, i) => slow(i, { 'x-request-timeout': '2' }));
  await until('a pack waits in Redis', async () => (await redis.llen(queueKey('slow', 'wait'))) > 0);
  let thrown = 0;
  for (const id of await redis.lrange(queueKey('slow', 'wait'), 0, -1)) {
    thrown += await redis.lrem(queueKey('slow', 'wait'), 0, id);
    await redis.del(queueKey('slow', id), `${stack.prefix}:payload:${id}`);
  }
  worker.kill('SIGCONT');
  const statuses = (await Promise.all(doomed)).map((answer) => answer.status);
  expect(thrown).toBeGreaterThan(0);
  expect(new Set(statuses)).toContain(504);
  expect(statuses.filter((status) => status !== 200 && status !== 504)).toEqual([]);
  const after = await Promise.all(Array.from({ length: 4 }, (_, i) => slow(i)));
  expect(after.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
});

it('answers 503 for predictions whose payload is gone, at once and not at their deadline', async () => {
  const worker = stack.workers[0]!;
  worker.kill('SIGSTOP');
  const asked = Array.from({ length: 8 }, (_, i) => slow(i, { 'x-request-timeout': '30' }));
  await until('a pack waits in Redis', async () => (await redis.llen(queueKey('slow', 'wait'))) > 0);
  for (const key of await payloads()) await redis.del(key);
  worker.kill('SIGCONT');
  const begun = performance.now();
  const answers = await Promise.all(asked);
  expect(performance.now() - begun).toBeLessThan(15_000);
  const lost = answers.filter(({ json }) => json.code === 'PAYLOAD_LOST');
  expect(new Set(lost.map(({ status }) => status))).toEqual(new Set([503]));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(answers.length - lost.length);
});

it('finds the replies again after its stream was trimmed, deleted, or began anew behind its cursor', async () => {
  const [key] = await redis.keys(`${stack.prefix}:reply:*`);
  expect((await sum(stack.url, 1)).status).toBe(200);
  await redis.xtrim(key!, 'MAXLEN', 0);
  expect((await sum(stack.url, 2)).status).toBe(200);
  await redis.del(key!);
  expect((await sum(stack.url, 3)).status).toBe(200);
  // A failover to a clock that lags: the new stream's ids lie far behind the cursor.
  await redis.del(key!);
  await redis.xadd(key!, '1-1', 'h', '{}', 'b', '');
  const [last] = await redis.xrevrange(key!, '+', '-', 'COUNT', 1);
  expect(last![0]).toBe('1-1');
  expect((await sum(stack.url, 4, { 'x-request-timeout': '10' })).json.output).toEqual([4]);
});

it('keeps its reply stream short and expiring', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, i) => sum(stack.url, i)));
  const [key] = await redis.keys(`${stack.prefix}:reply:*`);
  await until('it is trimmed behind the cursor', async () => (await redis.xlen(key!)) <= 1, 5_000);
  expect(await redis.ttl(key!)).toBeGreaterThan(0);
});

it('gives each of two gateways on one Redis the answers to its own callers', async () => {
  const other = await stack.addGateway();
  await stack.ready(other, ['row_sum']);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => ({ i, answer: await sum(i % 2 ? other.url : stack.url, i) })),
  );
  for (const { i, answer } of answers) expect(answer.json.output).toEqual([i]);
  const streams = await redis.keys(`${stack.prefix}:reply:*`);
  expect(streams).toHaveLength(2);
});

it('knows its models again after Redis has forgotten them, without a restart', async () => {
  await until('the gateway has noticed', async () => {
    // A worker may have announced its models again before the gateway looked.
    const keys = await redis.keys(`${stack.prefix}:model*`);
    if (keys.length > 0) await redis.del(...keys);
    return (await sum(stack.url, 1)).status !== 200;
  });
  await until('it serves again', async () => (await sum(stack.url, 2)).status === 200, 15_000);
});

it('leaves no job, payload or result behind', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, i) => sum(stack.url, i)));
  await until('all packs are completed and their payloads deleted', async () => (await payloads()).length === 0, 5_000);
  const states = ['wait', 'active', 'delayed', 'completed', 'failed'];
  for (const state of states) {
    const key = queueKey('row_sum', state);
    const size = ['wait', 'active'].includes(state) ? await redis.llen(key) : await redis.zcard(key);
    expect([state, size]).toEqual([state, 0]);
  }
  expect(await redis.keys(`${stack.prefix}:result:*`)).toEqual([]);
});
