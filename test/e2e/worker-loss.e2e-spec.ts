// Proves: a worker that is killed loses nothing; what it held is taken over within 10 s, and of one that is stopped at once;
// with nobody left callers are told.
import { Redis } from 'ioredis';
import { postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { packsKey, stoppedWithPack } from '../support/packs.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'slower');
const redis = new Redis(process.env['SLUICE_TEST_REDIS_URL']!);
let stack: Stack;
afterEach(() => stack.close());
afterAll(() => {
  redis.disconnect();
  models.remove();
});

const among = (requests: Set<string>, answers: Answer[]): Answer[] =>
  answers.filter((answer) => requests.has(String(answer.headers['x-request-id'])));
const slow = (i: number, headers = {}) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] }, headers);

it('answers every caller of a worker killed in mid-load, the waiting ones from another within 10 s', async () => {
  stack = await Stack.start({
    models: models.path,
    workers: 2,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    awaits: ['slow'],
  });
  await until('both workers serve', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => slow(i)));
    return new Set(answers.map((answer) => answer.json.metrics.worker as string)).size === 2;
  });
  // A pack is answered before it is given back.
  await until('nothing is in hand', async () => (await redis.llen(packsKey(stack, 'slow', 'active'))) === 0);
  const [victim, other] = stack.workers;
  // The victim is the one that takes packs.
  other!.kill('SIGSTOP');
  // All of them may be in the victim's hands, and run one by one then.
  const all = Promise.all(Array.from({ length: 20 }, (_, i) => slow(i)));
  const held = await stoppedWithPack({ worker: victim!, redis, stack, model: 'slow', atLeast: 1 });
  other!.kill('SIGCONT');
  victim!.kill('SIGKILL');
  const killedAt = Date.now();
  const answers = await all;
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
  const takenOver = among(held, answers);
  expect(takenOver).toHaveLength(held.size);
  for (const answer of takenOver) expect(answer.json.metrics.queue_ms).toBeGreaterThan(2_000);
  expect(Date.now() - killedAt).toBeLessThan(15_000);
}, 90_000);

it('runs a pack that comes a second time one prediction at a time', async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['slow'] });
  const all = Promise.all(Array.from({ length: 6 }, (_, i) => slow(i)));
  const held = await stoppedWithPack({ worker: stack.workers[0]!, redis, stack, model: 'slow', atLeast: 2 });
  stack.workers[0]!.kill('SIGKILL');
  stack.addWorker();
  const answers = await all;
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  const again = among(held, answers);
  expect(again).toHaveLength(held.size);
  for (const { json } of again) {
    expect(json.metrics.queue_ms).toBeGreaterThan(2_000);
    expect(json.metrics.batch_size).toBe(1);
  }
}, 90_000);

it('gives back what it has in hand at the end of its drain, which is no death', async () => {
  const workerEnv = { SLUICE_EXECUTORS: '1', SLUICE_WORKER_DRAIN_MS: '0' };
  stack = await Stack.start({ models: models.path, workerEnv, awaits: ['slower'] });
  const key = (part: string) => packsKey(stack, 'slower', part);
  const timeout = { 'x-request-timeout': '60' };
  const all = Promise.all(
    Array.from({ length: 6 }, (_, i) => postJson(`${stack.url}/predict/slower`, { input: [i, 0, 0, 0] }, timeout)),
  );
  let held: string[] = [];
  await until('packs are in hand', async () => (held = await redis.lrange(key('active'), 0, -1)).length > 0);
  await stack.workers[0]!.stop();
  expect(await redis.llen(key('active'))).toBe(0);
  const waiting = await redis.lrange(key('wait'), 0, -1);
  expect(held.filter((job) => waiting.includes(job))).not.toEqual([]);
  for (const job of waiting) expect(await redis.hget(key(job), 'stc')).toBeNull();
  stack.addWorker();
  expect((await all).map((answer) => answer.status)).toEqual(Array.from({ length: 6 }, () => 200));
}, 90_000);

it('refuses at once when the only ready slot has vanished, and serves again when one is back', async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['slow'] });
  const waiting = slow(1, { 'x-request-timeout': '3' });
  stack.workers[0]!.kill('SIGKILL');
  const answer = await waiting;
  expect([200, 503, 504]).toContain(answer.status);
  await until('the gateway knows', async () => (await slow(2, { 'x-request-timeout': '1' })).status === 503, 15_000);
  const begun = performance.now();
  const refused = await slow(3);
  expect(refused).toMatchObject({ status: 503, json: { code: 'MODEL_NOT_READY' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(performance.now() - begun).toBeLessThan(500);
  stack.addWorker();
  await until('it serves again', async () => (await slow(4)).status === 200);
}, 90_000);
