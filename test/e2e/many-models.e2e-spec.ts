// Proves: ten packages of all tasks are registered over HTTP and served together by one worker; under load a version is
// swapped and rolled back again and again, and no request fails or gets another version's answer; a worker that comes late
// or was killed catches up by itself.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipped, type Files } from '../fixtures/archives/good-archives.js';
import { FLOAT, node, numbers, onnx, value } from '../fixtures/onnx-models.js';
import { drawn, pngOf } from '../fixtures/pictures.js';
import { COLOURS, MANIFESTS } from '../fixtures/seen.js';
import { dataIsHere, dataPath, readData } from '../support/data.js';
import { ask, postJson, seven, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const SWAPS = 20;
const CALLERS = 64;
const FIXTURES = 'test/fixtures/models';

const work = mkdtempSync(join(tmpdir(), 'sluice-many-'));
const empty = new ModelsFolder();
let stack: Stack;
beforeAll(async () => {
  const env = { SLUICE_STORE: join(work, 'store') };
  stack = await Stack.start({
    models: empty.path,
    gatewayEnv: { ...env, SLUICE_DEFAULT_MODEL: 'times' },
    workerEnv: { ...env, SLUICE_EXECUTORS: '1' },
    serves: false,
  });
});
afterAll(async () => {
  await stack.close();
  empty.remove();
  rmSync(work, { recursive: true, force: true });
});

/** y = factor · x, for rows of four numbers. */
function times(factor: number): Buffer {
  const constants = [numbers('k', [], [factor])];
  const [x, y] = ['x', 'y'].map((name) => value(name, ['N', 4], FLOAT));
  return onnx({ nodes: [node('Mul', 'x k > y')], inputs: [x!], outputs: [y!], constants });
}

async function register(query: string, body: Buffer | string): Promise<void> {
  const { status, json } = await ask(`${stack.url}/v1/models?${query}`, {
    headers: { 'content-type': 'application/octet-stream', prefer: 'wait=60' },
    body,
  });
  expect({ status, detail: json.detail as unknown }).toEqual({ status: 201 });
}

function files(name: string, ...names: string[]): Files {
  return Object.fromEntries(names.map((file) => [file, readFileSync(join(FIXTURES, name, '1', file))]));
}

async function registerFiles(name: string, content: Files): Promise<void> {
  await register(`name=${name}&version=1`, readFileSync(await zipped(join(work, `${name}.zip`), content)));
}

const state = async (name: string, version = '1'): Promise<string> =>
  (await ask(`${stack.url}/v1/models/${name}/versions/${version}`, { method: 'GET' })).json.state;
const ready = (name: string, version = '1'): Promise<void> =>
  until(`${name} ${version} is ready`, async () => (await state(name, version)) === 'ready');
const isDefault = async (version: string): Promise<number> =>
  (
    await ask(`${stack.url}/v1/models/times/default`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ version }),
    })
  ).status;

const ROW = [1, 2, 3, 4];
const row = (model = 'times'): Promise<Answer> => postJson(`${stack.url}/predict/${model}`, { input: ROW });

describe('ten packages of all tasks', () => {
  it('are verified, loaded and answered by one worker, side by side', async () => {
    const dots = await pngOf(drawn({ width: 8, height: 8, colourAt: (x) => (x === 3 ? [250, 0, 0] : [0, 0, 0]) }));
    const manifest = (content: object): string => JSON.stringify(content);
    const colours = JSON.stringify(COLOURS);
    await register('name=times&version=1', times(1));
    await register('name=times&version=2', times(2));
    await registerFiles('digits', {
      ...Object.fromEntries(
        ['model.onnx', 'model.json', 'labels.json'].map((f) => [f, readFileSync(`models/digits/1/${f}`)]),
      ),
    });
    for (const name of ['spots', 'cells', 'shades'] as const) {
      const more = name === 'shades' ? {} : { 'colours.json': colours };
      const said = { name, version: '1', ...MANIFESTS[name] };
      await registerFiles(name, { ...files(name, 'model.onnx'), 'model.json': manifest(said), ...more });
    }
    await registerFiles('tiny_embedding', files('tiny_embedding', 'model.onnx', 'model.json', 'tokenizer.json'));
    await registerFiles(
      'tiny_sentiment',
      files('tiny_sentiment', 'model.onnx', 'model.json', 'tokenizer.json', 'labels.json'),
    );
    await register('name=add&version=1', readFileSync(join(FIXTURES, 'add/1/model.onnx')));
    await register('name=multi&version=1', readFileSync(join(FIXTURES, 'multi/1/model.onnx')));
    const names = ['times', 'digits', 'spots', 'cells', 'shades', 'tiny_embedding', 'tiny_sentiment', 'add', 'multi'];
    for (const name of names) await ready(name);
    await ready('times', '2');

    const picture = (name: string, body: Buffer): Promise<Answer> =>
      ask(`${stack.url}/predict/${name}`, { headers: { 'content-type': 'image/png' }, body });
    const json = (name: string, input: unknown): Promise<Answer> => postJson(`${stack.url}/predict/${name}`, { input });
    const round = (): Promise<Answer[]> =>
      Promise.all([
        row(),
        picture('digits', seven()),
        picture('spots', dots),
        picture('cells', dots),
        picture('shades', dots),
        json('tiny_embedding', 'good day'),
        json('tiny_sentiment', 'good day'),
        json('add', { a: [1, 2, 3], b: [10, 20, 30] }),
        json('multi', [1, 5, 2]),
      ]);
    const rounds = await Promise.all(Array.from({ length: 12 }, round));
    for (const answers of rounds) {
      expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
      expect(answers.map(({ json: { model } }) => model as string)).toEqual(names);
      const [, digit, spot, cell, shade, vector, mood, sum, several] = answers.map(({ json: each }) => each);
      expect(digit.prediction).toBe(7);
      expect(spot.detections[0].label).toBe('red');
      expect(cell.detections[0].label).toBe('red');
      expect(shade).toMatchObject({ width: 8, height: 8 });
      expect(Array.isArray(vector.embedding)).toBe(true);
      expect(typeof mood.label).toBe('string');
      expect(sum.output).toEqual([11, 22, 33]);
      expect(several.output).toEqual({ double: [2, 10, 4], index: 1 });
    }
  });

  it('are swapped and rolled back under load without a failed or a mixed answer', async () => {
    expect(await isDefault('1')).toBe(200);
    let swapping = true;
    const seen = new Map<string, number>();
    const wrong: unknown[] = [];
    const caller = async (): Promise<void> => {
      while (swapping) {
        const { status, json } = await row();
        const version = String(json.version);
        seen.set(version, (seen.get(version) ?? 0) + 1);
        const expected = ROW.map((each) => each * Number(version));
        if (status !== 200 || JSON.stringify(json.output) !== JSON.stringify(expected)) wrong.push({ status, json });
      }
    };
    const callers = Array.from({ length: CALLERS }, caller);
    try {
      for (let swap = 0; swap < SWAPS; swap++) {
        const version = swap % 2 === 0 ? '2' : '1';
        expect(await isDefault(version)).toBe(200);
        // Asked after the change, it is answered by the new version at once.
        expect((await row()).json.version).toBe(version);
        const before = seen.get(version) ?? 0;
        await until(`callers see version ${version}`, () =>
          Promise.resolve((seen.get(version) ?? 0) > before + CALLERS),
        );
      }
    } finally {
      swapping = false;
      await Promise.all(callers);
    }
    expect(wrong).toEqual([]);
    expect([...seen.keys()].sort()).toEqual(['1', '2']);
  });

  it('are all there again after their worker was killed, and on a worker that comes late', async () => {
    const [first] = stack.workers;
    first!.kill('SIGKILL');
    stack.addWorker();
    await until('the new worker answers', async () => (await row()).status === 200);
    await ready('times', '2');
    expect((await row('times/2')).json.output).toEqual(ROW.map((each) => each * 2));
    stack.addWorker();
    await until('both workers hold all versions', async () => {
      const { json } = await ask(`${stack.url}/v1/models/times/versions/2`, { method: 'GET' });
      return json.workers_ready === 2;
    });
  });
});

describe('SqueezeNet and MNIST', () => {
  if (!dataIsHere) {
    it('are left out: the data folder is not beside the project', () => console.warn('skipped: real models'));
    return;
  }

  it('give the same answers as bare file, as folder in a zip and as .mar', async () => {
    const onnxFile = readFileSync(dataPath('models/squeezenet/model.onnx'));
    const labels = readFileSync(dataPath('models/squeezenet/index_to_name.json'));
    const said = JSON.parse(
      readFileSync(join(new ModelsFolder().squeezenet().path, 'squeezenet/1/model.json'), 'utf8'),
    ) as object;
    const manifest = JSON.stringify({ ...said, name: 'squeezenet' });
    await registerFiles('squeezenet', { 'model.onnx': onnxFile, 'index_to_name.json': labels, 'model.json': manifest });
    const mar: Files = {
      'MAR-INF/MANIFEST.json': JSON.stringify({
        runtime: 'python',
        model: {
          modelName: 'squeeze-mar',
          serializedFile: 'squeezenet.onnx',
          handler: 'image_classifier',
          modelVersion: '1.0',
        },
        archiverVersion: '0.12.0',
      }),
      'squeezenet.onnx': onnxFile,
      'index_to_name.json': labels,
      'model.json': manifest,
    };
    await register('name=squeeze-mar&version=1.0', readFileSync(await zipped(join(work, 'squeeze.mar'), mar)));
    await ready('squeezenet');
    await ready('squeeze-mar', '1.0');
    const kitten = readData('images', 'kitten.jpg');
    const [folder, archive] = await Promise.all(
      ['squeezenet', 'squeeze-mar'].map((name) =>
        ask(`${stack.url}/predict/${name}`, { headers: { 'content-type': 'image/jpeg' }, body: kitten }),
      ),
    );
    expect(folder!.status).toBe(200);
    expect(archive!.status).toBe(200);
    expect(archive!.json.top.map(({ index }: { index: number }) => index)).toHaveLength(5);
  });
});
