/** Inputs go in together and come out apart; a bad one fails alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runThrough } from '../../../../test/fixtures/answers.js';
import { fixtureImage, fixtureModel, sharedData, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import { startRunThread } from '../../../../test/fixtures/run-thread.js';
import type { ExecutorInput, ExecutorResult } from '../contract/executor-messages.js';
import { DTYPES, type Dtype, type NumericArray } from '../tensor/dtype.js';
import { decodeFrame, encodeFrame, type Tensor } from '../tensor/frame.js';
import { joinBatches, prepareBatch } from './batch.js';
import { loadModel, type Model } from './model.js';
import { Permits } from './permits.js';
import type { RunClient } from './run/run-client.js';

let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(() => runner.close());

async function run(model: Model, inputs: ExecutorInput[]): Promise<{ results: ExecutorResult[]; answers: Buffer[] }> {
  const { results, bytes } = await runThrough(runner, model, inputs);
  const answers = results.map((result) =>
    result.ok ? Buffer.from(bytes.buffer, bytes.byteOffset + result.offset, result.length) : Buffer.alloc(0),
  );
  return { results, answers };
}

const floats = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});
const input = (rows: number, ...tensors: Tensor[]): ExecutorInput => ({
  type: 'tensors',
  rows,
  bytes: encodeFrame(tensors),
});
const valuesOf = (frame: Buffer): unknown[] =>
  decodeFrame(frame).map(({ data }) => [...(data as ArrayLike<unknown> & Iterable<unknown>)]);

describe('a batch of tensors', () => {
  it('is one run whose rows go back to their inputs', async () => {
    const model = await loadModel(fixtureModel('multi'), runner);
    const { results, answers } = await run(model, [
      input(1, floats('x', [1, 3], [1, 5, 2])),
      input(2, floats('x', [2, 3], [9, 0, 0, 0, 0, 7])),
    ]);
    expect(results).toMatchObject([
      { ok: true, type: 'tensors', offset: 0 },
      { ok: true, type: 'tensors' },
    ]);
    expect(valuesOf(answers[0]!)).toEqual([[2, 10, 4], [1n]]);
    expect(valuesOf(answers[1]!)).toEqual([
      [18, 0, 0, 0, 0, 14],
      [0n, 2n],
    ]);
    expect(decodeFrame(answers[1]!).map(({ name, shape }) => [name, shape])).toEqual([
      ['double', [2, 3]],
      ['index', [2]],
    ]);
    for (const result of results) expect(result.ok && result.offset % 8).toBe(0);
  });

  it('feeds inputs by name in any order', async () => {
    const model = await loadModel(fixtureModel('add'), runner);
    const { answers } = await run(model, [input(1, floats('b', [1, 3], [1, 2, 3]), floats('a', [1, 3], [10, 20, 30]))]);
    expect(valuesOf(answers[0]!)).toEqual([[11, 22, 33]]);
  });

  it('carries every element type unchanged', async () => {
    const samples: Record<Dtype, NumericArray | string[]> = {
      float32: Float32Array.of(1.5, -2),
      float64: Float64Array.of(Math.PI, -1e300),
      float16: Uint16Array.of(0x3c00, 0x8001),
      int8: Int8Array.of(-128, 127),
      int16: Int16Array.of(-32768, 1),
      int32: Int32Array.of(-(2 ** 31), 5),
      int64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
      uint8: Uint8Array.of(0, 255),
      uint16: Uint16Array.of(0, 65535),
      uint32: Uint32Array.of(0, 2 ** 32 - 1),
      uint64: BigUint64Array.of(0n, 2n ** 64n - 1n),
      bool: Uint8Array.of(0, 1),
      string: ['', 'schön'],
    };
    const model = await loadModel(fixtureModel('identity_all'), runner);
    const row = (): ExecutorInput =>
      input(1, ...DTYPES.map((dtype): Tensor => ({ name: dtype, dtype, shape: [1, 2], data: samples[dtype] })));
    const { answers } = await run(model, [row(), row()]);
    for (const answer of answers) {
      for (const tensor of decodeFrame(answer)) {
        expect(tensor.name).toBe(`${tensor.dtype}_out`);
        expect([...(tensor.data as Iterable<unknown>)]).toEqual([...(samples[tensor.dtype] as Iterable<unknown>)]);
      }
    }
  });

  it.each<[string, Tensor, RegExp]>([
    ['an unknown name', floats('y', [1, 4], [1, 2, 3, 4]), /no input "y"; the model takes "x"/],
    ['a wrong shape', floats('x', [1, 3], [1, 2, 3]), /shape \[1,3\]; expected \[\?,4\]/],
    ['another number of rows than announced', floats('x', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), /2 rows; expected 1/],
    [
      'a wrong type',
      { name: 'x', dtype: 'float64', shape: [1, 4], data: new Float64Array(4) },
      /came as float64; expected float32/,
    ],
    ['NaN', floats('x', [1, 4], [1, NaN, 3, 4]), /NaN or an infinity at position 1/],
    ['an infinity', floats('x', [1, 4], [1, 2, 3, -Infinity]), /position 3 of 4/],
  ])('fails alone for %s', async (_what, tensor, message) => {
    const model = await loadModel(fixtureModel('row_sum'), runner);
    const good = input(1, floats('x', [1, 4], [1, 2, 3, 4]));
    const { results, answers } = await run(model, [good, input(1, tensor), good]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(results[1]).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) as string });
    expect(valuesOf(answers[2]!)).toEqual([[10]]);
  });

  it('refuses infinities of float16, bytes that are no frame and pictures', async () => {
    const model = await loadModel(fixtureModel('identity_float16'), runner);
    const { results } = await run(model, [
      input(1, { name: 'x', dtype: 'float16', shape: [1, 2], data: Uint16Array.of(0, 0x7c00) }),
      { type: 'tensors', rows: 1, bytes: Buffer.from('hello') },
      { type: 'image', rows: 1, bytes: fixtureImage('rgb.png') },
    ]);
    expect(results).toMatchObject(Array(3).fill({ ok: false, code: 'INPUT_INVALID' }));
  });

  it('runs each input by itself without a batch axis', async () => {
    const model = await loadModel(fixtureModel('scalar_sum'), runner);
    const inputs = [input(1, floats('x', [3], [1, 2, 3])), input(1, floats('x', [2], [4, 5]))];
    const { answers } = await run(model, inputs);
    expect(decodeFrame(answers[0]!)).toMatchObject([{ shape: [], data: Float32Array.of(6) }]);
    expect(decodeFrame(answers[1]!)).toMatchObject([{ shape: [], data: Float32Array.of(9) }]);
  });

  it('is one run for each shape, of which every input gets its own rows', async () => {
    const model = await loadModel(fixtureModel('shades'), runner);
    const wide = (values: number[]): Tensor => floats('pixels', [values.length / 2, 1, 1, 2], values);
    const high = (values: number[]): Tensor => floats('pixels', [values.length / 2, 1, 2, 1], values);
    const inputs = [input(1, wide([0, 1])), input(2, high([0.5, 0, 1, 1])), input(1, wide([1, 0.5]))];
    const prepared = await prepareBatch(model, inputs, new Permits(1));
    expect(joinBatches(model, [prepared]).map(({ rows }) => rows)).toEqual([2, 2]);
    const { answers } = await run(model, inputs);
    expect(answers.map((frame) => valuesOf(frame)[1])).toEqual([
      [0n, 2n],
      [1n, 0n, 2n, 2n],
      [2n, 1n],
    ]);
  });

  it('is never cut up when the model gives other rows than it got', async () => {
    const model = await loadModel(fixtureModel('row_filter'), runner);
    await expect(run(model, [input(2, floats('x', [2, 3], [1, 0, 0, -1, 0, 0]))])).rejects.toThrow(
      /shape \[1,3\] for 2 rows/,
    );
  });

  it('breaks as a whole when the model fails', async () => {
    const model = await loadModel(fixtureModel('gather_crash'), runner);
    const index = (value: bigint): ExecutorInput =>
      input(1, { name: 'index', dtype: 'int64', shape: [1, 1], data: BigInt64Array.of(value) });
    await expect(run(model, [index(0n), index(99n)])).rejects.toThrow(/Gather.*out of data bounds/s);
    expect(valuesOf((await run(model, [index(2n)])).answers[0]!)).toEqual([[30]]);
  });
});

describe('a batch of pictures', () => {
  const packages = new TemporaryPackages();
  afterAll(() => packages.remove());

  it('answers its good ones when others are bad, and takes ready tensors too', async () => {
    const folder = packages.make(
      'pictures',
      { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
      { task: 'image-classification', image: { resize: { exact: [8, 8] } }, output: { activation: 'none', topK: 1 } },
    );
    const model = await loadModel(folder, runner);
    const picture = (bytes: Uint8Array): ExecutorInput => ({ type: 'image', rows: 1, bytes });
    const ready = floats(
      'pixels',
      [2, 3, 8, 8],
      [
        ...Array<number>(64).fill(1),
        ...Array<number>(128).fill(0),
        ...Array<number>(64).fill(0),
        ...Array<number>(64).fill(1),
        ...Array<number>(64).fill(0),
      ],
    );
    const { results, answers } = await run(model, [
      picture(fixtureImage('rgb.png')),
      picture(fixtureImage('refused.bmp')),
      picture(fixtureImage('rgb.png').subarray(0, 60)),
      input(2, ready),
    ]);
    expect(results).toMatchObject([
      { ok: true, type: 'json' },
      { ok: false, code: 'IMAGE_FORMAT_UNSUPPORTED' },
      { ok: false, code: 'IMAGE_UNDECODABLE' },
      { ok: true, type: 'json' },
    ]);
    expect(JSON.parse(answers[0]!.toString())).toMatchObject({ prediction: 2, top: [{ index: 2 }] });
    expect(JSON.parse(answers[3]!.toString())).toEqual([
      { prediction: 0, score: 1, top: [{ index: 0, score: 1 }] },
      { prediction: 1, score: 1, top: [{ index: 1, score: 1 }] },
    ]);
  });

  it('has nothing to run when all are bad', async () => {
    const folder = packages.make(
      'none-good',
      { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
      { task: 'image-classification', image: { resize: { exact: [8, 8] } } },
    );
    const model = await loadModel(folder, runner);
    const { results } = await run(model, [{ type: 'image', rows: 1, bytes: Buffer.alloc(0) }]);
    expect(results).toMatchObject([{ ok: false, code: 'BODY_EMPTY' }]);
  });
});

describe('MNIST as a tensor model', () => {
  const model = sharedData('models/mnist/model.onnx');
  it('is run where the shared data set is there', () => expect(typeof model).toBe(model ? 'string' : 'undefined'));
  if (!model) return;

  it('scores the seven highest for a seven', async () => {
    const { decodeImage } = await import('./image/decode.js');
    const packages = new TemporaryPackages();
    const loaded = await loadModel(packages.make('mnist', { 'model.onnx': model }), runner);
    const { data } = await decodeImage(readFileSync(sharedData('images/mnist_7.png')!));
    const gray = Array.from({ length: 784 }, (_, i) => data[i * 3]!);
    const { answers } = await run(loaded, [input(1, floats('Input3', [1, 1, 28, 28], gray))]);
    const [scores] = valuesOf(answers[0]!) as [number[]];
    expect(scores.indexOf(Math.max(...scores))).toBe(7);
    packages.remove();
  });
});
