// Proves: any ONNX is served from its file alone: every dtype that JSON can carry, several inputs and outputs, fixed batch.
import { readFileSync } from 'node:fs';
import { ask, postJson } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';

const served = [
  'add',
  'fixed1',
  'identity_all',
  'identity_bool',
  'identity_float16',
  'identity_int64',
  'identity_string',
  'multi',
  'row_sum',
  'scalar_sum',
];
const models = new ModelsFolder()
  .fixtures(...served)
  .file('broken', '1', { 'model.onnx': 'this is no model' })
  .file('typo', '1', { 'model.onnx': 'x', 'model.json': '{"name":"typo","version":"1","imgae":{}}' });
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: served });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const predict = (model: string, body: unknown) => postJson(`${stack.url}/predict/${model}`, body);

it('takes and gives several inputs and outputs by name', async () => {
  const row = await predict('add', { input: { a: [1, 2, 3], b: [10, 20, 30] } });
  expect(row.json).toMatchObject({ output: [11, 22, 33], model: 'add', version: '1' });
  const rows = await predict('add', {
    inputs: [
      { a: [1, 2, 3], b: [1, 1, 1] },
      { a: [0, 0, 0], b: [5, 6, 7] },
    ],
  });
  expect(rows.json.outputs).toEqual([
    [2, 3, 4],
    [5, 6, 7],
  ]);
  const whole = await predict('add', { tensors: { a: [[1, 2, 3]], b: [[1, 1, 1]] } });
  expect(whole.json.tensors).toEqual({ sum: [[2, 3, 4]] });
  const uneven = await predict('add', {
    tensors: {
      a: [[1, 2, 3]],
      b: [
        [1, 1, 1],
        [2, 2, 2],
      ],
    },
  });
  expect(uneven.json).toMatchObject({
    code: 'INPUT_INVALID',
    detail: 'tensors.a has 1 rows and tensors.b has 2; equal numbers were expected.',
  });
});

it.each([
  ['identity_bool', [true, false]],
  ['identity_float16', [1.5, -0.25]],
  ['identity_int64', [3, -4]],
  ['identity_string', ['grün', '']],
])('carries %s unchanged', async (model, values) => {
  for (const value of values) {
    const { status, json } = await predict(model, { input: shaped(await rowShape(model), value) });
    expect({ status, output: json.output as unknown }).toEqual({
      status: 200,
      output: shaped(await rowShape(model), value),
    });
  }
});

it('keeps all 64 bits of an integer', async () => {
  const { text } = await predict('identity_int64', {
    input: shaped(await rowShape('identity_int64'), '9007199254740993'),
  });
  expect(text).toContain('9007199254740993');
});

it('respects a batch axis that the file fixes at one, however many rows come', async () => {
  const shape = await rowShape('fixed1');
  const { status, json } = await predict('fixed1', { inputs: [shaped(shape, 1), shaped(shape, 2), shaped(shape, 3)] });
  expect(status).toBe(200);
  expect(json.outputs).toHaveLength(3);
  expect(json.metrics.batch_size).toBe(1);
});

it('serves a model without a batch axis whole', async () => {
  const model = await inputsOf('scalar_sum');
  const value = shaped(model[0]!.shape as number[], 2);
  const whole = await predict('scalar_sum', { tensors: { [model[0]!.name]: value } });
  expect(whole.status).toBe(200);
  expect((await predict('scalar_sum', { inputs: [value] })).json.code).toBe('INPUT_INVALID');
});

it('answers a model of two outputs with an object by output name', async () => {
  const [input] = await inputsOf('multi');
  const { json } = await predict('multi', { input: shaped(input!.shape.slice(1) as number[], 1) });
  expect(Object.keys(json.output as object).length).toBe(2);
});

it('refuses NaN and infinities on the way in', async () => {
  const text = '{"input":[1,2,3,1e999]}';
  const answer = await ask(`${stack.url}/predict/row_sum`, {
    headers: { 'content-type': 'application/json' },
    body: text,
  });
  expect(answer.json).toMatchObject({ code: 'INPUT_INVALID' });
});

it('a broken package stops only itself and says in the log what to do', async () => {
  const { log } = stack.workers[0]!;
  expect(log).toMatch(/"model":"broken:1","reason":"[^"]{30,}/);
  expect(log).toMatch(/"model":"typo:1","reason":"[^"]*imgae/);
  const refused = await predict('broken', { input: [1] });
  expect(refused).toMatchObject({ status: 503, json: { code: 'MODEL_NOT_READY' } });
  expect(refused.json.detail).toMatch(/^Model "broken" version "1" was refused by its worker: .{20,}/);
  expect((await predict('row_sum', { input: [1, 2, 3, 4] })).json.output).toEqual([10]);
});

interface Spec {
  name: string;
  shape: (number | null)[];
}

/** What the worker has told the fleet of a model. */
async function inputsOf(model: string): Promise<Spec[]> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(stack.redisUrl);
  const text = await redis.hget(`${stack.prefix}:model:${model}:1`, 'description');
  redis.disconnect();
  return (JSON.parse(text!) as { inputs: Spec[] }).inputs;
}

async function rowShape(model: string): Promise<number[]> {
  const [input] = await inputsOf(model);
  return input!.shape.slice(1).map((size) => size ?? 2);
}

function shaped(shape: number[], value: unknown): unknown {
  const [size, ...rest] = shape;
  return size === undefined ? value : Array.from({ length: size }, () => shaped(rest, value));
}

it('has the fixtures it speaks of', () => {
  for (const model of served)
    expect(readFileSync(`test/fixtures/models/${model}/1/model.onnx`).length).toBeGreaterThan(50);
});
