// Proves: SIGTERM under load fails no request, for the gateway and for a worker, and both exit 0.
import { ask, postJson, type Answer } from '../support/http.js';
import { metric } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { childrenOf, isAlive } from '../support/processes.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'row_sum');
let stack: Stack;
afterEach(() => stack.close());
afterAll(() => models.remove());

const start = (workers: number, gatewayEnv = {}) =>
  Stack.start({
    models: models.path,
    workers,
    gatewayEnv,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    awaits: ['slow', 'row_sum'],
  });
const slow = (i: number) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] });

it('a gateway turns unready at once, answers all that it has accepted, then exits 0', async () => {
  stack = await start(1, { SLUICE_LAME_DUCK_MS: '1500' });
  const accepted = Promise.all(Array.from({ length: 20 }, (_, i) => slow(i)));
  await until('they are in flight', async () => (await metric(stack.url, 'sluice_in_flight')) >= 20);
  stack.gateway.kill('SIGTERM');
  await stack.gateway.logged(/gateway stops/);
  const ready = await ask(`${stack.url}/health/ready`, { method: 'GET' });
  expect(ready).toMatchObject({ status: 503, json: { error: { draining: { status: 'down' } } } });
  const lame = await slow(99);
  expect(lame.status).toBe(200);
  expect(lame.headers['connection']).toBe('close');
  expect((await accepted).map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(await stack.gateway.exited).toEqual({ code: 0, signal: null });
});

it('a worker finishes what it has taken, leaves no executor behind and exits 0 within 25 s, and no request fails', async () => {
  stack = await start(2);
  await until('both workers serve', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => slow(i)));
    return new Set(answers.map((answer) => answer.json.metrics.worker)).size === 2;
  });
  const [leaving] = stack.workers;
  const executors = childrenOf(leaving!.pid);
  let going = true;
  const answers: Answer[] = [];
  const callers = Array.from({ length: 8 }, async () => {
    while (going) answers.push(await postJson(`${stack.url}/predict/row_sum`, { input: [1, 2, 3, 4] }));
  });
  const slows = Promise.all(Array.from({ length: 10 }, (_, i) => slow(i)));
  await until('load runs', () => answers.length > 100);
  const begun = Date.now();
  expect(await leaving!.stop()).toEqual({ code: 0, signal: null });
  expect(Date.now() - begun).toBeLessThan(25_000);
  const soFar = answers.length;
  await until('the other worker goes on', () => answers.length > soFar + 100);
  going = false;
  await Promise.all(callers);
  expect((await slows).every((answer) => answer.status === 200)).toBe(true);
  expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
  expect(executors.filter(isAlive)).toEqual([]);
});

it('a worker in the middle of a run exits 0 and its executor ends in order', async () => {
  stack = await start(1);
  const running = slow(1);
  const [executor] = childrenOf(stack.workers[0]!.pid);
  await until('it is in flight', async () => (await metric(stack.url, 'sluice_in_flight')) >= 1);
  expect(await stack.workers[0]!.stop()).toEqual({ code: 0, signal: null });
  expect([200, 503, 504]).toContain((await running).status);
  expect(isAlive(executor!)).toBe(false);
  expect(stack.workers[0]!.log).not.toMatch(/ended unasked/);
});
