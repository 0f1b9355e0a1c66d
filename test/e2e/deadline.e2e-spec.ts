// Proves: a deadline is kept and told; a caller who leaves is not computed for.
import { ask, postJson } from '../support/http.js';
import { metric, opsUrl } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'row_sum');
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    gatewayEnv: { SLUICE_REQUEST_TIMEOUT_MS: '20000' },
    awaits: ['slow', 'row_sum'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const slow = (headers = {}) => postJson(`${stack.url}/predict/slow`, { input: [1, 2, 3, 4] }, headers);
const counted = (outcome: string) => metric(opsUrl(stack.workers[0]!), 'sluice_worker_predictions_total', { outcome });
const runs = () => metric(opsUrl(stack.workers[0]!), 'sluice_run_seconds_count', { model: 'slow' });
const rowsRun = () => metric(opsUrl(stack.workers[0]!), 'sluice_batch_rows_sum', { model: 'slow' });
const sealed = () => metric(opsUrl(stack.workers[0]!), 'sluice_batches_total', { model: 'slow' });
const inFlight = () => metric(stack.url, 'sluice_in_flight');

it('answers 504 DEADLINE_EXCEEDED when the time of X-Request-Timeout is over, and not much later', async () => {
  const begun = performance.now();
  const answer = await slow({ 'x-request-timeout': '0.05' });
  expect(answer).toMatchObject({ status: 504, json: { code: 'DEADLINE_EXCEEDED' } });
  expect(performance.now() - begun).toBeLessThan(1_000);
});

it('drops what can no longer be answered in time before it takes a slot', async () => {
  for (let i = 0; i < 6; i++) await slow();
  const [droppedBefore, runsBefore] = [await counted('DEADLINE_EXCEEDED'), await runs()];
  // One run takes about 300 ms: while it goes on, none of these can make 200.
  const busy = slow();
  const late = await Promise.all(Array.from({ length: 10 }, () => slow({ 'x-request-timeout': '0.2' })));
  await busy;
  expect(late.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 504));
  await until('the worker has dropped them', async () => (await counted('DEADLINE_EXCEEDED')) > droppedBefore);
  expect((await runs()) - runsBefore).toBeLessThanOrEqual(2);
});

/** Eight callers hang up while a run keeps the one slot busy; how many of their rows ran all the same. */
async function rowsOfQuitters(): Promise<number> {
  const [before, batches] = [await rowsRun(), await sealed()];
  const busy = slow();
  await until('the slot is busy', async () => (await sealed()) > batches);
  const body = JSON.stringify({ input: [1, 2, 3, 4] });
  const headers = { 'content-type': 'application/json' };
  const hangUps: (() => void)[] = [];
  const quitters = Array.from({ length: 8 }, () =>
    ask(`${stack.url}/predict/slow`, { headers, body, started: (abort) => hangUps.push(abort) }).catch(() => 'gone'),
  );
  await until('they are in flight', async () => (await inFlight()) >= 8, 5_000).catch(() => undefined);
  for (const hangUp of hangUps) hangUp();
  await Promise.all(quitters);
  await busy;
  await slow();
  return (await rowsRun()) - before - 2;
}

it('does not run the predictions of callers who have hung up, unless they are in a batch already', async () => {
  // On a machine that is slow just then the run may be over first, and they in the next batch: then once more.
  let ran = 8;
  for (let tries = 0; tries < 6 && ran === 8; tries++) ran = await rowsOfQuitters();
  expect(ran).toBeLessThan(8);
  const told = () => metric(stack.url, 'sluice_predictions_total', { outcome: 'CALLER_GONE' });
  await until('none of the eight was answered', async () => (await told()) >= 8);
  expect(await inFlight()).toBe(0);
});

it('keeps no caller waiting for a model that is busy with others longer than his deadline', async () => {
  const callers = Array.from({ length: 60 }, () => slow({ 'x-request-timeout': '2' }));
  const begun = performance.now();
  const answers = await Promise.all(callers);
  expect(performance.now() - begun).toBeLessThan(3_500);
  expect(answers.every((answer) => [200, 503, 504].includes(answer.status))).toBe(true);
});
