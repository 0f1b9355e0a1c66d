/** What is known of a model once it is loaded, and what is refused then. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersOf } from '../../../../test/fixtures/answers.js';
import { UNKNOWN_OPERATOR } from '../../../../test/fixtures/onnx-bytes.js';
import { fixtureModel, sharedData, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import { startRunThread } from '../../../../test/fixtures/run-thread.js';
import { modelDescription } from '../contract/model-description.js';
import { loadModel, type Model } from './model.js';
import type { RunClient } from './run/run-client.js';

let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(() => runner.close());
const packages = new TemporaryPackages();
afterAll(() => packages.remove());

interface Classified {
  prediction: number;
  label?: string;
  score: number;
  top: { index: number; label?: string; score: number }[];
}

async function classify(model: Model, bytes: Uint8Array): Promise<Classified> {
  const [answer] = await answersOf<Classified>(runner, model, [{ type: 'image', rows: 1, bytes }]);
  if (!answer || 'ok' in answer) throw new Error(JSON.stringify(answer));
  return answer;
}

const PICTURES = { task: 'image-classification', output: { activation: 'none' } } as const;
const tinyImage = { scale: 1, resize: { exact: [8, 8] } };
const tiny = (name: string, manifest: object, files: Record<string, Buffer> = {}): string =>
  packages.make(
    name,
    { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx'), ...files },
    { ...PICTURES, image: tinyImage, ...manifest },
  );

describe('a loaded model', () => {
  it.each([
    ['add', { batched: true, maxBatchSize: 32 }],
    ['multi', { batched: true, maxBatchSize: 32 }],
    ['fixed1', { batched: true, maxBatchSize: 1 }],
    ['scalar_sum', { batched: false, maxBatchSize: 1 }],
    ['identity_all', { batched: true, maxBatchSize: 32 }],
  ])('%s is described by its file', async (name, expected) => {
    const { description } = await loadModel(fixtureModel(name), runner);
    expect(description).toMatchObject({ name, version: '1', task: 'tensor', ...expected });
    expect(modelDescription.parse(description)).toEqual(description);
  });

  it('shows free sizes as null', async () => {
    const { description } = await loadModel(fixtureModel('add'), runner);
    expect(description.inputs).toEqual([
      { name: 'a', dtype: 'float32', shape: [null, 3] },
      { name: 'b', dtype: 'float32', shape: [null, 3] },
    ]);
  });

  it('takes its limits from model.json', async () => {
    const folder = tiny('limits', { batching: { maxBatchSize: 7, maxDelayMs: 3 }, runTimeoutMs: 900 });
    expect((await loadModel(folder, runner)).description).toMatchObject({
      maxBatchSize: 7,
      maxDelayMs: 3,
      runTimeoutMs: 900,
    });
  });

  it('is refused without a path when the file is no model', async () => {
    const folder = packages.make('garbage', { 'model.onnx': UNKNOWN_OPERATOR });
    const error = (await loadModel(folder, runner).catch((reason: unknown) => reason)) as Error;
    expect(error.message).toMatch(/onnxruntime cannot load the model file: .*model\.onnx failed/);
    expect(error.message).not.toContain('/');
  });

  it('finds its weights in a file beside it', async () => {
    const model = await loadModel(fixtureModel('external_weights'), runner);
    const x = { name: 'x', dtype: 'float32', shape: [1, 3], data: Float32Array.of(10, 20, 30) } as const;
    const { outputs } = await runner.run(model.session, [{ ...x, shape: [...x.shape] }]);
    expect([...(outputs[0]!.data as Float32Array)]).toEqual([11, 22, 33]);
  });
});

describe('a classifier', () => {
  it.each([
    [
      'wrong-crop',
      { image: { crop: [9, 9] } },
      /give \[\?,3,9,9\]; the model's input is \[\?,3,8,8\]. Set image.crop to \[8, 8\]/,
    ],
    ['no-crop', { image: { resize: { shorterSide: 8 } } }, /leaves the longer side open/],
    ['gray', { image: { ...tinyImage, color: 'GRAY' } }, /give 1 channels/],
    [
      'layout',
      { image: { ...tinyImage, layout: 'NHWC' } },
      /the model's input is \[\?,3,8,8\]. Change color or layout/,
    ],
  ])('is refused when its pictures do not fit: %s', async (name, manifest, message) => {
    await expect(loadModel(tiny(name, manifest), runner)).rejects.toThrow(message);
  });

  it('is refused when it has another number of labels than classes', async () => {
    const folder = tiny('labels', { output: { labels: 'l.json' } }, { 'l.json': Buffer.from('["a", "b"]') });
    await expect(loadModel(folder, runner)).rejects.toThrow(/has 2 labels, expected 3/);
  });

  it('is refused when the model takes something else than one picture', async () => {
    const folder = packages.make(
      'two-inputs',
      { 'model.onnx': join(fixtureModel('add'), 'model.onnx') },
      { ...PICTURES, image: {} },
    );
    await expect(loadModel(folder, runner)).rejects.toThrow(/exactly one input; this model has 2 \(a, b\)/);
  });

  it('refuses a picture of the wrong size where nothing resizes', async () => {
    const model = await loadModel(tiny('sizes', { image: { scale: 1 } }), runner);
    const input = { type: 'image', rows: 1, bytes: readFileSync('test/fixtures/images/rgb.png') } as const;
    const [answer] = await answersOf(runner, model, [input]);
    expect(answer).toMatchObject({
      ok: false,
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/24x16.*takes 8x8/) as string,
    });
  });

  it('answers the best classes first, softmaxed, with labels', async () => {
    const folder = tiny(
      'answers',
      { image: { ...tinyImage, scale: 1 / 255 }, output: { topK: 2, labels: 'l.json' } },
      { 'l.json': Buffer.from('["red","green","blue"]') },
    );
    const answer = await classify(await loadModel(folder, runner), readFileSync('test/fixtures/images/rgb.png'));
    expect(answer).toMatchObject({ prediction: 2, label: 'blue' });
    expect(answer.top).toHaveLength(2);
    // Means 0.5, 0.5, 200/255.
    expect(answer.score).toBeCloseTo(Math.exp(200 / 255) / (Math.exp(200 / 255) + 2 * Math.exp(0.5)), 2);
    expect(answer.top[0]).toEqual({ index: 2, label: 'blue', score: answer.score });
  });
});

const squeezenet = sharedData('models/squeezenet/model.onnx');
const mnist = sharedData('models/mnist/model.onnx');

describe('SqueezeNet (float16, BGR, fixed batch)', () => {
  if (!squeezenet) {
    it('is not tried without the shared data set', () => expect(squeezenet).toBeUndefined());
    return;
  }
  const { squeezenet: golden } = JSON.parse(readFileSync(sharedData('goldens/predictions.json')!, 'utf8')) as {
    squeezenet: {
      predictions: {
        image: string;
        variant: string;
        top1_stable_under_pm2_noise: boolean;
        top5: { index: number; label: string; probability: number }[];
      }[];
    };
  };
  const resize = {
    resize224_crop224: { shorterSide: 224 },
    resize256_crop224: { shorterSide: 256 },
    resize224x224: { exact: [224, 224] },
  };
  const load = (variant: string): Promise<Model> =>
    loadModel(
      packages.make(
        `squeezenet-${variant}`,
        { 'model.onnx': squeezenet, 'index_to_name.json': sharedData('models/squeezenet/index_to_name.json')! },
        {
          task: 'image-classification',
          image: {
            resize: resize[variant as keyof typeof resize],
            crop: [224, 224],
            color: 'BGR',
            scale: 1,
            mean: [104, 117, 123],
          },
          output: { activation: 'none', labels: 'index_to_name.json' },
        },
      ),
      runner,
    );

  it.each(golden.predictions)('sees $image with $variant as Python does', async (expected) => {
    const model = await load(expected.variant);
    expect(model.description).toMatchObject({ batched: true, maxBatchSize: 1 });
    const answer = await classify(model, readFileSync(sharedData(expected.image)!));
    const [first] = expected.top5;
    if (expected.top1_stable_under_pm2_noise)
      expect(answer).toMatchObject({ prediction: first!.index, label: first!.label });
    for (const { index, score } of answer.top) {
      const python = expected.top5.find((entry) => entry.index === index);
      // The same pixels: what is left is the rounding of float16.
      if (python) expect(Math.abs(score - python.probability)).toBeLessThan(0.01);
    }
  });
});

describe('MNIST (gray, no resize)', () => {
  if (!mnist) {
    it('is not tried without the shared data set', () => expect(mnist).toBeUndefined());
    return;
  }
  it('knows all ten digits', async () => {
    const folder = packages.make(
      'mnist',
      { 'model.onnx': mnist },
      { task: 'image-classification', image: { color: 'GRAY', scale: 1 } },
    );
    const model = await loadModel(folder, runner);
    for (let digit = 0; digit < 10; digit++) {
      const answer = await classify(model, readFileSync(sharedData(`images/mnist_${digit}.png`)!));
      expect(answer.prediction).toBe(digit);
      expect(answer.label).toBeUndefined();
    }
  });

  it('is a tensor model without model.json', async () => {
    const { description } = await loadModel(packages.make('mnist-plain', { 'model.onnx': mnist }), runner);
    expect(description).toMatchObject({
      task: 'tensor',
      maxBatchSize: 1,
      inputs: [{ name: 'Input3', shape: [1, 1, 28, 28] }],
    });
  });
});
