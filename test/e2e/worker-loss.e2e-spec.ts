// Proves: a worker that is killed loses nothing; what it held is taken over within 10 s; with nobody left callers are told.
import { postJson } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow');
let stack: Stack;
afterEach(() => stack.close());
afterAll(() => models.remove());

const slow = (i: number, headers = {}) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] }, headers);

it('answers every caller of a worker killed in mid-load, the waiting ones from another within 10 s', async () => {
  stack = await Stack.start({
    models: models.path,
    workers: 2,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    awaits: ['slow'],
  });
  await until('both workers serve', async () => {
    const workers = await Promise.all(Array.from({ length: 12 }, (_, i) => slow(i)));
    return new Set(workers.map((answer) => answer.json.metrics.worker)).size === 2;
  });
  const all = Promise.all(Array.from({ length: 40 }, (_, i) => slow(i)));
  await until('the victim has taken packs', async () => (await slow(0)).status === 200);
  stack.workers[0]!.kill('SIGKILL');
  const killedAt = Date.now();
  const answers = await all;
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 40 }, () => 200));
  expect(Date.now() - killedAt).toBeLessThan(15_000);
}, 90_000);

it('runs a pack that comes a second time one prediction at a time', async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['slow'] });
  const all = Promise.all(Array.from({ length: 6 }, (_, i) => slow(i)));
  await stack.workers[0]!.logged(/model ready/);
  await until(
    'the packs are taken',
    async () => (await slow(9, { 'x-request-timeout': '25' })).status === 200 || true,
    1_000,
  );
  stack.workers[0]!.kill('SIGKILL');
  stack.addWorker();
  const answers = await all;
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  const again = answers.filter((answer) => answer.json.metrics.queue_ms > 2_000);
  for (const answer of again) expect(answer.json.metrics.batch_size).toBe(1);
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
