// Proves: an input that breaks, hangs or kills the executor fails alone; its neighbours get their answers.
import { postJson } from '../support/http.js';
import { metric, opsUrl } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { childrenOf, isAlive } from '../support/processes.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('endless', 'gather_crash', 'slow');
let stack: Stack;
beforeEach(async () => {
  stack = await Stack.start({
    models: models.path,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    awaits: ['endless', 'gather_crash', 'slow'],
  });
});
afterEach(() => stack.close());
afterAll(() => models.remove());

const worker = () => stack.workers[0]!;
const executors = () => childrenOf(worker().pid);

it('answers fifteen neighbours of an endless run within their 30 s, and only the endless one fails', async () => {
  const [before] = executors();
  // A slow run first, so that all sixteen wait together and share the next batch.
  const busy = postJson(`${stack.url}/predict/slow`, { input: [1, 2, 3, 4] });
  const all = await Promise.all(
    Array.from({ length: 16 }, (_, i) => postJson(`${stack.url}/predict/endless`, { input: [i === 7 ? 2_000 : i] })),
  );
  expect((await busy).status).toBe(200);
  const outcomes = all.map(({ status, json }) => (status === 200 ? json.output : json.code));
  expect(outcomes).toEqual(Array.from({ length: 16 }, (_, i) => (i === 7 ? 'INPUT_POISONOUS' : [2 * i])));
  expect(all[7]!.status).toBe(500);
  expect(worker().log).toMatch(/"sha256":"[0-9a-f]{64}".*set aside/);
  expect(executors()).not.toContain(before);
  expect(worker().running).toBe(true);
}, 90_000);

it('answers the neighbours of an input that makes the run throw', async () => {
  const busy = postJson(`${stack.url}/predict/slow`, { input: [1, 2, 3, 4] });
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) => postJson(`${stack.url}/predict/gather_crash`, { input: [i === 3 ? 99 : 0] })),
  );
  await busy;
  const [executor] = executors();
  expect(all.map((answer) => answer.status)).toEqual([200, 200, 200, 422, 200, 200, 200, 200]);
  expect(all[3]!.json.code).toBe('MODEL_RUN_FAILED');
  expect(isAlive(executor!)).toBe(true);
});

it('loses nothing when an executor is killed in the middle of a batch, and the worker lives on', async () => {
  const all = Promise.all(
    Array.from({ length: 12 }, (_, i) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] })),
  );
  const [victim] = executors();
  await until(
    'a batch runs',
    async () => (await metric(opsUrl(worker()), 'sluice_batches_total', { model: 'slow' })) > 0,
  );
  process.kill(victim!, 'SIGKILL');
  expect((await all).map((answer) => answer.status)).toEqual(Array.from({ length: 12 }, () => 200));
  expect(worker().log).toContain('an executor ended unasked');
  expect(executors()).not.toContain(victim);
});

it('keeps answering while executors are killed again and again', async () => {
  const done = new AbortController();
  const killer = (async () => {
    for (let kills = 0; kills < 5 && !done.signal.aborted; kills++) {
      const from = worker().log.length;
      process.kill(executors()[0]!, 'SIGKILL');
      await worker().logged(/executor ready/, { from });
    }
  })();
  const answers = [];
  for (let i = 0; i < 20; i++) answers.push(await postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] }));
  done.abort();
  await killer;
  expect(answers.filter((answer) => answer.status !== 200 && answer.json.code !== 'INPUT_POISONOUS')).toEqual([]);
}, 120_000);
