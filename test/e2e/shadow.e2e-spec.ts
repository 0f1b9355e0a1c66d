// Proves: a shadow sees the requests that name no version, its answers are compared and counted, and callers get theirs.
import { ModelsFolder } from '../support/models-folder.js';
import { ask, postJson } from '../support/http.js';
import { metric } from '../support/metrics.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';
import { scaleModel } from '../fixtures/scale-model.js';

const models = new ModelsFolder();
let stack: Stack;

beforeAll(async () => {
  for (const [version, factor] of [
    ['1', 2],
    ['2', 2],
    ['3', 5],
  ] as const) {
    models.file('scale', version, { 'model.onnx': scaleModel(factor) });
  }
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['scale'] });
  await put('default', { version: '1' });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

async function put(what: string, body: object): Promise<void> {
  const answer = await ask(`${stack.url}/v1/models/scale/${what}`, { method: 'PUT', body: JSON.stringify(body) });
  if (answer.status !== 200) throw new Error(answer.text);
}

const predict = (path = '/predict/scale') => postJson(stack.url + path, { input: [1, 2, 3, 4] });
const counted = (shadow: string, outcome: string) => {
  return metric(stack.url, 'sluice_shadow_total', { model: 'scale', version: '1', shadow, outcome });
};

it.each([
  ['2', 'same'],
  ['3', 'differs'],
])('version %s answers %s, and callers get the answer of their version', async (version, outcome) => {
  await put('shadow', { version, share: 1 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => predict()));
  for (const { status, json } of answers) {
    expect({ status, version: json.version, output: json.output }).toEqual({
      status: 200,
      version: '1',
      output: [2, 4, 6, 8],
    });
  }
  await until(
    'all are counted',
    async () => (await counted(version, outcome)) + (await counted(version, 'dropped')) === 20,
  );
  expect(await counted(version, outcome)).toBeGreaterThan(0);
});

it('a request that names its version has no shadow', async () => {
  await put('shadow', { version: '2', share: 1 });
  const before = await counted('2', 'same');
  await predict('/predict/scale/1');
  await predict('/predict/scale/2');
  await predict();
  await until('the one without a version is counted', async () => (await counted('2', 'same')) > before);
  expect(await counted('2', 'same')).toBe(before + 1);
});
