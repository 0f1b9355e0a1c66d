/** A model inside a program: answers by task, leaves the caller's memory alone, closes behind its last prediction. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fixtureImage, fixtureModel, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import { ENGINE, startRunThread } from '../../../../test/fixtures/run-thread.js';
import { tinyTexts } from '../../../../test/fixtures/texts.js';
import type { Tensor } from '../tensor/frame.js';
import { openModel, type Embedding } from './opened-model.js';
import type { RunClient } from './run/run-client.js';

const packages = new TemporaryPackages();
let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(async () => {
  await runner.close();
  packages.remove();
});

const floats = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

const classifier = (name: string): string =>
  packages.make(
    name,
    { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
    { task: 'image-classification', image: { resize: { exact: [8, 8] } }, output: { activation: 'none', topK: 1 } },
  );

describe('a tensor model', () => {
  it('answers whole tensors with tensors, and leaves what it was given as it was', async () => {
    const model = await openModel(fixtureModel('row_sum'), { runner });
    const given = floats('x', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    for (let i = 0; i < 2; i++) {
      expect(await model.predict([given])).toMatchObject([
        { name: 'sum', shape: [2, 1], data: Float32Array.of(10, 26) },
      ]);
    }
    expect([...(given.data as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await model.close();
  });

  it('refuses tensors that it does not take, and pictures', async () => {
    const model = await openModel(fixtureModel('row_sum'), { runner });
    await expect(model.predict([floats('x', [1, 3], [1, 2, 3])])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(model.predict([])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(model.predict(fixtureImage('rgb.png'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await model.close();
  });
});

describe('a model of texts', () => {
  it('answers a text with its vector, padded as the model wants it, and nothing else than texts', async () => {
    const { texts, embeddings } = tinyTexts();
    const model = await openModel(fixtureModel('tiny_embedding'), { runner });
    const { embedding } = (await model.predict(texts[0]!)) as Embedding;
    embedding.forEach((value, i) => expect(value).toBeCloseTo(embeddings[0]![i]!, 5));
    await expect(model.predict(fixtureImage('rgb.png'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await model.close();
    const fixed = await openModel(fixtureModel('tiny_bag_fixed'), { runner });
    expect(await fixed.predict('cat')).toMatchObject({ embedding: expect.any(Array) });
    await fixed.close();
  });
});

describe('a classifier', () => {
  it('answers a picture with its classes and tensors with the classes of every row', async () => {
    const model = await openModel(classifier('both'), { runner });
    expect(await model.predict(fixtureImage('rgb.png'))).toMatchObject({ prediction: 2, top: [{ index: 2 }] });
    const red = Array.from({ length: 192 }, (_, i) => (i < 64 ? 1 : 0));
    expect(await model.predict([floats('pixels', [1, 3, 8, 8], red)])).toMatchObject([{ prediction: 0, score: 1 }]);
    await model.close();
  });

  it("is opened from onnxruntime's own format too", async () => {
    const model = await openModel(fixtureModel('tiny_mobile'), { runner });
    const onnx = await openModel(classifier('onnx'), { runner });
    const picture = fixtureImage('rgb.png');
    expect((await model.predict(picture)).top[0]).toEqual((await onnx.predict(picture)).top[0]);
    await Promise.all([model.close(), onnx.close()]);
  });

  it('fails for a broken picture alone', async () => {
    const model = await openModel(classifier('broken'), { runner });
    const [bad, good] = await Promise.allSettled([
      model.predict(fixtureImage('rgb.png').subarray(0, 60)),
      model.predict(fixtureImage('rgb.png')),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'IMAGE_UNDECODABLE' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { prediction: 2 } });
    await model.close();
  });
});

it('answers everything that was asked for before it closes, and nothing after', async () => {
  const model = await openModel(classifier('closing'), { runner });
  const asked = Array.from({ length: 5 }, () => model.predict(fixtureImage('rgb.png')));
  await Promise.all([model.close(), model.close()]);
  expect((await Promise.all(asked)).map(({ prediction }) => prediction)).toEqual([2, 2, 2, 2, 2]);
  await expect(model.predict(fixtureImage('rgb.png'))).rejects.toThrow(/closed/);
});

it('never leaves a caller waiting for a thread that has ended', async () => {
  const own = await startRunThread();
  const model = await openModel(fixtureModel('row_sum'), { runner: own });
  await own.close();
  await expect(model.predict([floats('x', [1, 4], [1, 2, 3, 4])])).rejects.toThrow(/run thread has ended/);
});

/** With a thread of its own, in a process of its own: Jest cannot resolve where the thread's program lies. */
describe('in a program without a runner', () => {
  const program = (folder: string): string => `
    import { openModel } from ${JSON.stringify(pathToFileURL(join(ENGINE, 'index.js')).href)};
    try {
      const model = await openModel(${JSON.stringify(folder)});
      const x = { name: 'x', dtype: 'float32', shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) };
      const [sum] = await model.predict([x]);
      await model.close();
      console.log(sum.data[0]);
    } catch (error) {
      console.log(error.message);
    }`;
  const run = (folder: string): { stdout: string; stderr: string; status: number | null } =>
    spawnSync(process.execPath, ['--input-type=module', '-e', program(folder)], { encoding: 'utf8', timeout: 30_000 });

  it('opens a run thread that is gone after close, so that the program ends by itself', () => {
    expect(run(fixtureModel('row_sum'))).toMatchObject({ stdout: '10\n', stderr: '', status: 0 });
  });

  it('leaves no thread behind when the package is refused', () => {
    const { stdout, status } = run(packages.make('nothing', { 'readme.txt': Buffer.from('') }));
    expect(stdout).toContain('The package has no model file');
    expect(status).toBe(0);
  });
});
