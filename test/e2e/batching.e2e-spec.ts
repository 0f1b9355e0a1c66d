// Proves: concurrent predictions share runs, and sharing changes no answer.
import { postJson } from '../support/http.js';
import { metric, opsUrl } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().digits().fixtures('slow', 'row_sum');
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' },
    awaits: ['slow', 'row_sum'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

/** Runs of a model so far, as the worker counts them. */
const runs = (model: string) => metric(opsUrl(stack.workers[0]!), 'sluice_run_seconds_count', { model });

function noise(seed: number): number[][][] {
  let state = seed;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return [Array.from({ length: 16 }, () => Array.from({ length: 16 }, () => next()))];
}

it('runs 200 concurrent predictions in far fewer onnxruntime calls, each answered as if it had been alone', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => noise(i + 1));
  const alone = [];
  for (const row of rows.slice(0, 40)) alone.push((await postJson(`${stack.url}/predict`, { input: row })).json);
  const before = await runs('digits');
  const together = await Promise.all(rows.map((input) => postJson(`${stack.url}/predict`, { input })));
  const used = (await runs('digits')) - before;
  expect(together.every((answer) => answer.status === 200)).toBe(true);
  expect(used).toBeLessThan(60);
  alone.forEach((single, i) => {
    expect(together[i]!.json.prediction).toBe(single.prediction);
    expect(together[i]!.json.score).toBeCloseTo(single.score, 5);
  });
});

it('never swaps answers between callers', async () => {
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => postJson(`${stack.url}/predict/row_sum`, { input: [i, 1, 2, 3] })),
  );
  answers.forEach((answer, i) => expect(answer.json.output).toEqual([i + 6]));
});

it('forms the next batch while one runs, and says in each answer how large it was', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => postJson(`${stack.url}/predict/slow`, { input: [i, 0, 0, 0] })),
  );
  const sizes = answers.map((answer) => answer.json.metrics.batch_size as number);
  expect(Math.max(...sizes)).toBeGreaterThan(4);
});

it('has learned what a run costs and shows it', async () => {
  for (let i = 0; i < 6; i++) await postJson(`${stack.url}/predict`, { input: noise(i + 1) });
  const ops = opsUrl(stack.workers[0]!);
  expect(await metric(ops, 'sluice_batches_total', { model: 'digits', reason: 'greedy' })).toBeGreaterThan(0);
  await until(
    'a heartbeat has shown it',
    async () => (await metric(ops, 'sluice_latency_alpha_ms', { model: 'digits' })) > 0,
  );
});
