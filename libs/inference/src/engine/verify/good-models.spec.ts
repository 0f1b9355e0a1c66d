/** What is good passes, and nothing of it is held back: real models and those of the kinds that are served most. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GOOD } from '../../../../../test/fixtures/good-models.js';
import { fixtureModel, sharedData, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { verified } from '../../../../../test/fixtures/verified.js';
import { verificationReport } from '../../contract/verification.js';
import { modelDescription } from '../../contract/model-description.js';
import type { Verified } from '../../verification/verify-package.js';

const packages = new TemporaryPackages();
afterAll(() => packages.remove());

function passes({ report, passed, reason }: Verified): void {
  expect(reason).toBeUndefined();
  expect(report.checks.filter(({ status }) => status === 'failed' || status === 'warned')).toEqual([]);
  expect(report).toMatchObject({ outcome: 'passed', rowsMix: false });
  expect(verificationReport.parse(report)).toEqual(report);
  expect(modelDescription.parse(passed!.description)).toEqual(passed!.description);
  expect(report.memoryBytes).toBeGreaterThan(0);
  expect(report.latency!.points.map(({ rows }) => rows)).toContain(1);
}

describe('a model with nothing wrong', () => {
  it.each(GOOD)('$name passes', async ({ name, bytes }) => {
    const found = await verified(packages.make(name, { 'model.onnx': bytes }));
    passes(found);
    expect(found.passed!.description.maxBatchSize).toBe(32);
    expect(found.report.latency!.points.map(({ rows }) => rows)).toEqual(expect.arrayContaining([1, 2, 3, 7, 32]));
  });

  it.each(['add', 'multi', 'identity_all', 'identity_float16', 'identity_string', 'shape_math', 'tiny_classifier'])(
    'the fixture %s passes',
    async (name) => passes(await verified(fixtureModel(name))),
  );

  it.each(['fixed1', 'scalar_sum'])('%s, of one row a run, passes', async (name) => {
    const { report, passed } = await verified(fixtureModel(name));
    expect(report.outcome).toBe('passed');
    expect(report.checks.find(({ check }) => check === 'batch-invariance')?.status).toBe('skipped');
    expect(passed?.facts.rowsMix).toBe(false);
  });

  it.each(['cells', 'shades'])('a model of pictures, %s, passes', async (name) =>
    passes(await verified(fixtureModel(name))),
  );

  it('a model in the ORT format passes', async () => passes(await verified(fixtureModel('tiny_mobile'))));

  it('says what the model is', async () => {
    const { report, passed } = await verified(join(process.cwd(), 'models/digits/1'), { worker: 'w_1' });
    passes({ report, ...(passed && { passed }) });
    expect(report.model).toMatchObject({ batched: true, providers: ['cpu'], inputs: [{ dtype: 'float32' }] });
    expect(report.model?.opsets['']).toBeGreaterThan(6);
    expect(report.worker).toBe('w_1');
    expect(passed?.description).toMatchObject({ name: 'digits', task: 'image-classification' });
    expect(passed!.facts.memoryBytes).toBeGreaterThanOrEqual(readFileSync('models/digits/1/model.onnx').length);
  });
});

describe('real models', () => {
  const mnist = sharedData('models/mnist/model.onnx');
  const squeezenet = sharedData('models/squeezenet/model.onnx');
  const manifests = {
    mnist: { task: 'image-classification', image: { color: 'GRAY', scale: 1 }, output: { activation: 'none' } },
    squeezenet: {
      task: 'image-classification',
      image: {
        resize: { shorterSide: 224 },
        crop: [224, 224],
        color: 'BGR',
        scale: 1,
        mean: [104, 117, 123],
        std: [1, 1, 1],
      },
      output: { activation: 'none', labels: 'index_to_name.json' },
    },
  };

  (mnist === undefined ? it.skip : it)('MNIST passes with its goldens as samples', async () => {
    const { predictions } = (JSON.parse(readFileSync(sharedData('goldens/predictions.json')!, 'utf8')) as Goldens)
      .mnist;
    const directory = packages.make('mnist', { 'model.onnx': mnist! }, manifests.mnist);
    mkdirSync(join(directory, 'samples'));
    const samples = predictions.map(({ image, scores }, i) => {
      cpSync(sharedData(image)!, join(directory, 'samples', `${i}.png`));
      const best = scores.indexOf(Math.max(...scores));
      const output = { tensors: { Plus214_Output_0: [scores] }, prediction: best };
      writeFileSync(join(directory, 'samples', `${i}.json`), JSON.stringify(output));
      return { input: `${i}.png`, contentType: 'image/png', output: `${i}.json`, tolerance: 1e-3 };
    });
    writeFileSync(join(directory, 'samples/samples.json'), JSON.stringify({ samples }));
    const found = await verified(directory);
    passes(found);
    expect(found.report.checks.find(({ check }) => check === 'samples')?.status).toBe('passed');
  });

  (squeezenet === undefined ? it.skip : it)('SqueezeNet passes', async () => {
    const labels = sharedData('models/squeezenet/index_to_name.json')!;
    const files = { 'model.onnx': squeezenet!, 'index_to_name.json': labels };
    passes(await verified(packages.make('squeezenet', files, manifests.squeezenet)));
  });
});

interface Goldens {
  mnist: { predictions: { image: string; scores: number[] }[] };
}
