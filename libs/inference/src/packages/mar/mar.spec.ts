/** What a TorchServe archive becomes, by its handler and its model; what is refused is in archive/bad-archives.spec.ts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { marOf } from '../../../../../test/fixtures/archives/bad-mars.js';
import { folderOf, pieces, tarred } from '../../../../../test/fixtures/archives/good-archives.js';
import { zipOf, type ZipPart } from '../../../../../test/fixtures/archives/zip-bytes.js';
import { message, model, value } from '../../../../../test/fixtures/onnx-bytes.js';
import { sharedData } from '../../../../../test/fixtures/packages.js';
import { ingest, type Ingested } from '../ingest/ingest.js';
import { openPackage } from '../package.js';
import { PackageStore } from '../store/store.js';
import { handlerOf } from './handlers.js';
import { batchingOf } from './model-config.js';

/** A model that takes float32 of these sizes. */
function taking(...shape: (number | string)[]): Buffer {
  const node = message([1, 'x'], [2, 'y'], [4, 'Identity']);
  return model([1, node], [11, value('x', shape)], [12, value('y', shape)]);
}

const named = { modelName: 'net', modelVersion: '1.0', serializedFile: 'net.onnx', handler: 'image_classifier' };
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describe('a .mar', () => {
  const top = mkdtempSync(join(tmpdir(), 'mar-'));
  let store: PackageStore;

  beforeAll(async () => {
    store = await PackageStore.open(join(top, 'store'));
  });
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  async function taken(archive: Buffer): Promise<Ingested> {
    return ingest(store, {
      bytes: (async function* () {
        yield await Promise.resolve(archive);
      })(),
    });
  }

  const mar = (onnx: Buffer, given: Partial<typeof named> = {}, more: ZipPart[] = []): Promise<Ingested> =>
    taken(marOf({ ...named, ...given }, [{ name: 'net.onnx', data: onnx }, ...more]));

  it('of an image classifier is prepared and told as TorchServe does', async () => {
    const labels = { name: 'index_to_name.json', data: '{"0": ["n1", "cat"], "1": "dog"}' };
    const { manifest, notes, digest, files } = await mar(taking('n', 3, 224, 224), {}, [labels]);
    expect(manifest).toMatchObject({
      name: 'net',
      version: '1.0',
      task: 'image-classification',
      image: {
        resize: { shorterSide: 256 },
        crop: [224, 224],
        color: 'RGB',
        scale: 1 / 255,
        layout: 'NCHW',
        ...IMAGENET,
      },
      output: { activation: 'softmax', topK: 5, labels: 'index_to_name.json' },
    });
    expect(files.map(({ name }) => name)).toEqual(['index_to_name.json', 'model.json', 'model.onnx']);
    expect(notes).toEqual([]);
    expect((await openPackage((await store.path(digest))!)).labels).toEqual(['cat', 'dog']);
  });

  it.each([
    [['n', 3, 'h', 'w'], { resize: { shorterSide: 256 }, crop: [224, 224], layout: 'NCHW', ...IMAGENET }, 0],
    [['n', 299, 299, 3], { resize: { shorterSide: 342 }, crop: [299, 299], layout: 'NHWC', ...IMAGENET }, 1],
    [[1, 3, 32, 32], { resize: { exact: [32, 32] }, color: 'RGB', ...IMAGENET }, 1],
    [[1, 1, 28, 28], { resize: { exact: [28, 28] }, color: 'GRAY' }, 2],
    [['n', 1, 'h', 'w'], { resize: { shorterSide: 256 }, crop: [224, 224], color: 'GRAY' }, 1],
    [['n', 3, 128, 256], { resize: { shorterSide: 293 }, crop: [128, 256], ...IMAGENET }, 1],
  ])('fits pictures to a model that takes %j', async (shape, image, notes) => {
    const become = await mar(taking(...(shape as (number | string)[])));
    expect(become.manifest.image).toMatchObject(image);
    expect(become.notes).toHaveLength(notes);
    for (const key of ['mean', 'std', 'crop']) {
      if (!(key in image)) expect((become.manifest.image as object)[key as never]).toBeUndefined();
    }
  });

  it('of the base handler takes and gives tensors', async () => {
    expect((await mar(taking('n', 4), { handler: 'base_handler' })).manifest).toMatchObject({ task: 'tensor' });
  });

  it('of a text classifier brings its tokenizer along', async () => {
    const tokenizer = { name: 'tokenizer.json', data: '{"version": "1.0"}' };
    const { manifest, files } = await mar(taking('n', 't'), { handler: 'text_classifier' }, [tokenizer]);
    expect(manifest).toMatchObject({ task: 'text-classification', text: { tokenizer: 'tokenizer.json' } });
    expect(files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx', 'tokenizer.json']);
  });

  it('of a detector takes pictures as they are', async () => {
    const onnx = model(
      [1, message([1, 'x'], [2, 'boxes'], [2, 'labels'], [2, 'scores'], [4, 'Split'])],
      [11, value('x', [3, 'h', 'w'])],
      ...['boxes', 'labels', 'scores'].map((name): [number, Buffer] => [12, value(name, ['n'])]),
    );
    const labels = { name: 'index_to_name.json', data: '{"1": "cat"}' };
    const { manifest, notes } = await mar(onnx, { handler: 'object_detector' }, [labels]);
    expect(manifest).toMatchObject({
      task: 'object-detection',
      output: { threshold: 0.5, labels: 'index_to_name.json' },
    });
    expect(manifest.image).toEqual({ color: 'RGB', scale: 1 / 255, layout: 'NCHW' });
    expect(notes).toEqual([]);
    const fixed = await mar(taking(1, 3, 640, 640), { handler: 'object_detector' });
    expect(fixed.manifest.image).toMatchObject({ resize: { exact: [640, 640] } });
    expect(fixed.notes).toEqual([
      expect.stringMatching(/640x640 alone: they are resized/),
      expect.stringMatching(/no outputs called boxes, labels and scores/),
    ]);
  });

  it('of a segmenter takes pictures as a classifier', async () => {
    const { manifest, notes } = await mar(taking('n', 3, 'h', 'w'), { handler: 'image_segmenter' });
    expect(manifest).toMatchObject({
      task: 'image-segmentation',
      image: { resize: { shorterSide: 256 }, crop: [224, 224], ...IMAGENET },
      output: { confidence: true },
    });
    expect(notes).toEqual([]);
  });

  it.each([
    ['image_classifier', 'image_classifier'],
    ['image_classifier.py', 'image_classifier'],
    ['ts/torch_handler/image_segmenter.py', 'image_segmenter'],
    ['ts\\torch_handler\\object_detector.py:handle', 'object_detector'],
    ['ts.torch_handler.text_classifier', 'text_classifier'],
    ['base_handler:handle', 'base_handler'],
    ['my_image_classifier', undefined],
    ['my-image_classifier.py', undefined],
    ['resnet50_v2.image_classifier.py', undefined],
    ['net2image_classifier:handle', undefined],
    ['image_classifier_2', undefined],
    ['dali_image_classifier', undefined],
    ['handler.py', undefined],
    ['', undefined],
  ])('with the handler %j means %s', (text, handler) => {
    expect(handlerOf(text, new Map())).toBe(handler);
  });

  it('is called by a name and a version that may be served', async () => {
    const { name, version, notes } = await mar(taking('n', 4), { modelName: 'My_Net(2)', modelVersion: '1.0 beta/2' });
    expect([name, version]).toEqual(['my_net-2', '1.0-beta-2']);
    expect(notes).toContain('The model is called "my_net-2" here, not "My_Net(2)".');
    expect(notes).toContain('The version is called "1.0-beta-2" here, not "1.0 beta/2".');
  });

  it('is left with what the package needs', async () => {
    const extra = ['requirements.txt', 'extra.py', 'a.txt', 'b.txt', 'c.txt', 'd.txt'].map((name) => ({ name }));
    const { files, notes } = await mar(taking('n', 4), { handler: 'base_handler' }, [
      ...extra,
      { name: 'samples/0.json' },
    ]);
    expect(files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx', 'samples/0.json']);
    expect(notes).toEqual([
      'Left out, as the package does not need it: a.txt, b.txt, c.txt, d.txt, extra.py and 1 more.',
    ]);
  });

  it('leaves out the folders that --extra-files brought along, and keeps samples', async () => {
    const deep = ['assets/a.json', 'assets/more/b.json', 'samples/old/0.json', 'samples/0.json'];
    const { files, notes } = await mar(
      taking('n', 4),
      { handler: 'base_handler' },
      deep.map((name) => ({ name })),
    );
    expect(files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx', 'samples/0.json']);
    expect(notes).toEqual(['Left out, as the package does not need it: assets/, assets/more/, samples/old/.']);
    const folder = folderOf(join(top, 'extra'), 'net', {
      'net.onnx': taking('n', 4),
      'assets/more/b.json': '{}',
      'MAR-INF/MANIFEST.json': JSON.stringify({ model: { ...named, handler: 'base_handler' } }),
    });
    expect((await ingest(store, { path: folder })).notes).toEqual([
      'Left out, as the package does not need it: assets/.',
    ]);
  });

  it.each([
    ['batchSize: 8\nmaxBatchDelay: 50 # ms\nminWorkers: 1\n', { maxBatchSize: 8, maxDelayMs: 50 }],
    ['maxBatchDelay: 100\r\n', { maxDelayMs: 100 }],
    ['batchSize: 0\nmaxBatchDelay: 999999', { maxBatchSize: 1, maxDelayMs: 60_000 }],
    ['handler:\n  batchSize: 8\n', undefined],
    ['batchSize: !!python/object:os.system [x]\n', undefined],
    ['batchSize: "8"\n', undefined],
    [undefined, undefined],
  ])('with the configuration %j is batched %j', (text, batching) => {
    const found = batchingOf(text);
    expect(found.manifest.batching).toEqual(batching);
    expect(found.notes).toHaveLength(text === undefined ? 0 : 1);
  });

  it('is batched as its configuration says', async () => {
    const config = { name: 'model-config.yaml', data: 'batchSize: 7\n' };
    const { manifest } = await mar(taking('n', 4), { handler: 'base_handler' }, [config]);
    expect(manifest.batching).toEqual({ maxBatchSize: 7, maxDelayMs: 0 });
  });

  it('may be a folder, as the archiver leaves it with no-archive', async () => {
    const folder = folderOf(join(top, 'no-archive'), 'Net', {
      'net.onnx': taking('n', 4),
      'model-config.yaml': 'batchSize: 2',
      'MAR-INF/MANIFEST.json': JSON.stringify({ model: { ...named, handler: 'base_handler' } }),
    });
    expect(await ingest(store, { path: folder })).toMatchObject({
      manifest: { name: 'net', version: '1.0', batching: { maxBatchSize: 2 } },
      notes: ['Of model-config.yaml only batchSize and maxBatchDelay were used.'],
    });
  });

  it('may be a .tar.gz with its name around everything', async () => {
    const folder = folderOf(top, 'net', {
      'net.onnx': taking('n', 4),
      'MAR-INF/MANIFEST.json': JSON.stringify({ model: { ...named, handler: 'base_handler' } }),
    });
    const archive = await tarred(join(top, 'net.tar.gz'), { folder, gzip: true });
    expect(await ingest(store, { path: archive })).toMatchObject({ name: 'net', version: '1.0' });
  });

  it.each(['squeezenet', 'mnist'])('of the real %s can be opened by a worker', async (name) => {
    const file = sharedData(`models/${name}/model.onnx`);
    if (file === undefined) return;
    const parts: ZipPart[] = [{ name: 'net.onnx', data: readFileSync(file) }];
    if (name === 'squeezenet') {
      parts.push({ name: 'index_to_name.json', data: readFileSync(join(file, '../index_to_name.json')) });
    }
    const { digest, manifest } = await taken(marOf({ ...named, modelName: name }, parts));
    const opened = await openPackage((await store.path(digest))!);
    expect(opened.labels?.length).toBe(name === 'squeezenet' ? 1000 : undefined);
    expect(manifest.image?.color).toBe(name === 'squeezenet' ? 'RGB' : 'GRAY');
  });

  it('is known by what it holds, not by its suffix', async () => {
    const path = join(folderOf(top, 'plain', { '.keep': '' }), 'net.mar');
    writeFileSync(path, zipOf([{ name: 'model.onnx', data: taking('n', 4) }]));
    const { manifest, name } = await ingest(store, { bytes: pieces(path), fileName: 'net.mar' });
    expect([manifest.task, name]).toEqual(['tensor', 'net']);
  });
});
