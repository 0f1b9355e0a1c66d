// Proves: with Redis gone or hung callers are told in time, no process has to be restarted, and cut connections lose no reply.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ask, postJson } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { startRedis } from '../support/redis.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'row_sum');
const dir = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
let redis: Awaited<ReturnType<typeof startChild>>;
let stack: Stack;
const startChild = (port?: number) =>
  startRedis({ forceChild: true, appendonly: true, dir, ...(port === undefined ? {} : { port }) });

beforeAll(async () => {
  redis = await startChild();
  stack = await Stack.start({
    models: models.path,
    redisUrl: redis.url,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    gatewayEnv: { SLUICE_REDIS_TIMEOUT_MS: '1000' },
    awaits: ['slow', 'row_sum'],
  });
});
afterAll(async () => {
  await stack.close();
  await redis.stop();
  models.remove();
  rmSync(dir, { recursive: true, force: true });
});

const sum = (i: number, headers = {}) => postJson(`${stack.url}/predict/row_sum`, { input: [i, 0, 0, 0] }, headers);
const pids = () => [stack.gateway.pid, ...stack.workers.map((worker) => worker.pid)];
const ready = async (): Promise<boolean> => (await ask(`${stack.url}/health/ready`, { method: 'GET' })).status === 200;
const served = () => until('it serves again', async () => (await sum(1)).status === 200 && (await ready()), 20_000);

it('tells waiting and new callers in time while Redis is down, and serves again without a restart when it is back', async () => {
  const before = pids();
  const waiting = Promise.all(
    Array.from({ length: 5 }, (_, i) =>
      postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] }, { 'x-request-timeout': '4' }),
    ),
  );
  await redis.kill('SIGKILL');
  const begun = Date.now();
  for (const answer of await waiting) expect([200, 503, 504]).toContain(answer.status);
  expect(Date.now() - begun).toBeLessThan(5_000);
  while (Date.now() - begun < 10_000) {
    const asked = Date.now();
    const answer = await sum(1, { 'x-request-timeout': '4' });
    expect([503, 504]).toContain(answer.status);
    expect(Date.now() - asked).toBeLessThan(4_500);
  }
  expect((await ask(`${stack.url}/health/live`, { method: 'GET' })).status).toBe(200);
  expect(await ready()).toBe(false);
  redis = await startChild(redis.port);
  await served();
  expect(pids()).toEqual(before);
  expect(stack.gateway.running && stack.workers.every((worker) => worker.running)).toBe(true);
}, 90_000);

it('does the same while Redis hangs', async () => {
  await redis.kill('SIGSTOP');
  const begun = Date.now();
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => sum(i, { 'x-request-timeout': '6' })));
  expect(answers.every((answer) => [503, 504].includes(answer.status))).toBe(true);
  expect(Date.now() - begun).toBeLessThan(6_500);
  await until('it turns unready', async () => !(await ready()), 10_000);
  const asked = Date.now();
  expect((await sum(1)).json.code).toBe('QUEUE_UNAVAILABLE');
  expect(Date.now() - asked).toBeLessThan(1_000);
  await redis.kill('SIGCONT');
  await served();
}, 60_000);

it('refuses at once while Redis is full, and serves again when there is room', async () => {
  const control = new Redis(redis.url);
  await control.config('SET', 'maxmemory', '1');
  const asked = Date.now();
  expect((await sum(1)).json.code).toBe('QUEUE_UNAVAILABLE');
  expect(Date.now() - asked).toBeLessThan(1_000);
  await control.config('SET', 'maxmemory', '0');
  control.disconnect();
  await served();
}, 60_000);

it('loses no reply when the connections of the gateway are cut again and again', async () => {
  const control = new Redis(redis.url);
  const done = new AbortController();
  let cuts = 0;
  const cutter = (async () => {
    while (!done.signal.aborted) {
      const list = String(await control.client('LIST'));
      for (const line of list.trim().split('\n')) {
        const id = /id=(\d+)/.exec(line)![1]!;
        if (/name=sluice-gateway/.test(line)) cuts += Number(await control.client('KILL', 'ID', id));
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  })();
  const outcomes = new Map<string, number>();
  const sums: number[] = [];
  const callers = Array.from({ length: 16 }, async (_, caller) => {
    for (let i = 0; i < 120 || cuts <= 10; i++) {
      const answer = await sum(caller * 1_000 + i, { 'x-request-timeout': '15' });
      const outcome = answer.status === 200 ? 'ok' : String(answer.json.code);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (answer.status === 200) sums.push(answer.json.output[0] - (caller * 1_000 + i));
    }
  });
  await Promise.all(callers);
  done.abort();
  await cutter;
  control.disconnect();
  expect([...outcomes.keys()]).toEqual(['ok']);
  expect(sums.every((difference) => difference === 0)).toBe(true);
}, 90_000);
