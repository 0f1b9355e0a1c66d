/** Detectors from picture to answer, with real models. */
import { join } from 'node:path';
import { answersOf } from '../../../../../test/fixtures/answers.js';
import { fixtureImage, fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { drawn, pngOf } from '../../../../../test/fixtures/pictures.js';
import { startRunThread } from '../../../../../test/fixtures/run-thread.js';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { encodeFrame } from '../../tensor/frame.js';
import { loadModel } from '../model.js';
import { openModel } from '../opened-model.js';
import type { RunClient } from '../run/run-client.js';
import type { Detections } from './object-detection.js';

const packages = new TemporaryPackages();
let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(async () => {
  await runner.close();
  packages.remove();
});

const COLOURS = { 'colours.json': Buffer.from('["red", "green", "blue"]') };
const detector = (model: string, name: string, manifest: object): string =>
  packages.make(
    name,
    { 'model.onnx': join(fixtureModel(model), 'model.onnx'), ...COLOURS },
    { task: 'object-detection', ...manifest },
  );
const picture = (bytes: Uint8Array): ExecutorInput => ({ type: 'image', rows: 1, bytes });

/** Black, with a red pixel at (3, 1) and a weaker green one at (0, 4). */
const dots = drawn({
  width: 6,
  height: 5,
  colourAt: (x, y) => (x === 3 && y === 1 ? [255, 0, 0] : x === 0 && y === 4 ? [0, 153, 0] : [0, 0, 0]),
});
const CELLS = {
  boxFormat: 'cxcywh',
  coordinates: 'pixels',
  packed: { columns: ['box', 'classes'], transposed: true },
};

describe('a detector as torchvision’s', () => {
  const spots = (name: string, image: object = {}, output: object = {}): string =>
    detector('spots', name, { image, output: { labels: 'colours.json', firstLabel: 1, ...output } });

  it('has no batch axis, and answers in pixels of the picture', async () => {
    const model = await loadModel(spots('plain'), runner);
    expect(model.description).toMatchObject({ batched: false, maxBatchSize: 1, task: 'object-detection' });
    const [answer] = await answersOf(runner, model, [picture(await pngOf(dots))]);
    expect(answer).toEqual({
      detections: [
        { label: 'red', index: 1, score: 1, box: [3, 1, 4, 2] },
        { label: 'green', index: 2, score: expect.closeTo(0.6, 6) as number, box: [0, 4, 1, 5] },
      ],
      width: 6,
      height: 5,
    });
  });

  it('answers a picture on which is nothing with no boxes', async () => {
    const model = await loadModel(spots('nothing'), runner);
    const black = drawn({ width: 7, height: 3, colourAt: () => [0, 0, 0] });
    expect(await answersOf(runner, model, [picture(await pngOf(black))])).toEqual([
      { detections: [], width: 7, height: 3 },
    ]);
  });

  it('takes away what preprocessing did', async () => {
    const model = await loadModel(
      spots('boxed', { resize: { letterbox: [24, 24], fill: 0 } }, { threshold: 0.7 }),
      runner,
    );
    const [answer] = (await answersOf<Detections>(runner, model, [picture(await pngOf(dots))])) as [Detections];
    // Four times as large: the middle four of a pixel's sixteen stay bright.
    expect(answer.detections.map(({ label, box }) => [label, ...box])).toEqual([
      ['red', 3.25, 1.25, 3.5, 1.5],
      ['red', 3.5, 1.25, 3.75, 1.5],
      ['red', 3.25, 1.5, 3.5, 1.75],
      ['red', 3.5, 1.5, 3.75, 1.75],
    ]);
  });

  // Where the green quarter, stored at the top right, is once the picture stands upright.
  it.each([
    [1, 'right', 'top'],
    [2, 'left', 'top'],
    [3, 'left', 'bottom'],
    [4, 'right', 'bottom'],
    [5, 'left', 'bottom'],
    [6, 'right', 'bottom'],
    [7, 'right', 'top'],
    [8, 'left', 'top'],
  ])('sees a picture of orientation %d upright', async (orientation, side, end) => {
    const model = await loadModel(spots(`upright-${orientation}`, {}, { maxDetections: 1000 }), runner);
    const bytes = fixtureImage(`orientation-${orientation}.jpg`);
    const [answer] = (await answersOf<Detections>(runner, model, [picture(bytes)])) as [Detections];
    const { width, height, detections } = answer;
    expect([width, height]).toEqual(orientation > 4 ? [16, 24] : [24, 16]);
    const green = detections.filter(({ label, score }) => label === 'green' && score > 0.9);
    // Of 96 pixels, of which those at the borders are mixed; in the white quarter some are greenish too.
    const there = green.filter(
      ({ box: [x, y] }) => x * 2 >= width === (side === 'right') && y * 2 >= height === (end === 'bottom'),
    );
    expect(there.length).toBeGreaterThan(70);
  });

  it('takes a tensor too, and answers in its pixels', async () => {
    const model = await loadModel(spots('tensors'), runner);
    const data = new Float32Array(3 * 2 * 2);
    data[2 * 4 + 3] = 0.75;
    const frame = encodeFrame([{ name: 'images', dtype: 'float32', shape: [3, 2, 2], data }]);
    expect(await answersOf(runner, model, [{ type: 'tensors', rows: 1, bytes: frame }])).toEqual([
      [{ detections: [{ label: 'blue', index: 3, score: 0.75, box: [1, 1, 2, 2] }], width: 2, height: 2 }],
    ]);
  });

  it('is answered inside a program too', async () => {
    const model = await openModel(spots('embedded'), { runner });
    const { detections } = await model.predict<Detections>(await pngOf(dots));
    expect(detections.map(({ label }) => label)).toEqual(['red', 'green']);
    await model.close();
  });
});

describe('a detector as YOLO’s', () => {
  const cells = (name: string, output: object = {}, image: object = {}): string =>
    detector('cells', name, { image, output: { ...CELLS, ...output } });
  /** One bright pixel of 8 × 8 each. */
  const spot = async (at: number): Promise<ExecutorInput> =>
    picture(
      await pngOf(drawn({ width: 8, height: 8, colourAt: (x, y) => (y * 8 + x === at ? [0, 0, 255] : [0, 0, 0]) })),
    );

  it('is run in batches, each picture with its own boxes', async () => {
    const model = await loadModel(cells('together'), runner);
    expect(model.description).toMatchObject({ batched: true, maxBatchSize: 32 });
    const places = [0, 27, 63];
    const answers = await answersOf<Detections>(runner, model, await Promise.all(places.map(spot)));
    expect(answers.map((answer) => (answer as Detections).detections)).toEqual([
      [{ index: 2, score: 1, box: [0, 0, 1.5, 1.5] }],
      [{ index: 2, score: 1, box: [2.5, 2.5, 4.5, 4.5] }],
      [{ index: 2, score: 1, box: [6.5, 6.5, 8, 8] }],
    ]);
  });

  it('tells overlapping boxes once where it is asked to', async () => {
    const white = picture(await pngOf(drawn({ width: 8, height: 8, colourAt: () => [255, 255, 255] })));
    const counts: number[] = [];
    for (const [name, output] of Object.entries({ all: {}, once: { nms: { iou: 0.3 } }, few: { maxDetections: 7 } })) {
      const model = await loadModel(cells(`overlaps-${name}`, output), runner);
      const [answer] = (await answersOf<Detections>(runner, model, [white])) as [Detections];
      counts.push(answer.detections.length);
    }
    // Boxes of 2 × 2 one pixel apart share 2 of 6; those two apart share nothing.
    expect(counts).toEqual([64, 32, 7]);
  });

  it('answers rows of a tensor each with its boxes', async () => {
    const model = await loadModel(cells('rows'), runner);
    const data = new Float32Array(2 * 3 * 64);
    data[0] = 0.75;
    data[3 * 64 + 64 + 1] = 0.875;
    const frame = encodeFrame([{ name: 'images', dtype: 'float32', shape: [2, 3, 8, 8], data }]);
    expect(await answersOf(runner, model, [{ type: 'tensors', rows: 2, bytes: frame }])).toEqual([
      [
        { detections: [{ index: 0, score: 0.75, box: [0, 0, 1.5, 1.5] }], width: 8, height: 8 },
        { detections: [{ index: 1, score: 0.875, box: [0.5, 0, 2.5, 1.5] }], width: 8, height: 8 },
      ],
    ]);
  });

  it('fails for a broken picture alone', async () => {
    const model = await loadModel(cells('broken', {}, { resize: { exact: [8, 8] } }), runner);
    const answers = await answersOf(runner, model, [await spot(0), picture(Buffer.from('no picture')), await spot(63)]);
    expect(answers).toMatchObject([
      { width: 8 },
      { ok: false, code: 'IMAGE_FORMAT_UNSUPPORTED' },
      { detections: [{ box: [6.5, 6.5, 8, 8] }] },
    ]);
  });
});

describe('a package that does not fit its model', () => {
  it.each<[string, string, [object, RegExp]]>([
    [
      'no-names',
      'cells',
      [
        { image: {} },
        /output\.boxes or output\.packed: came nothing.* the model has "output0" \(float32 \[\?,7,64\]\)/,
      ],
    ],
    [
      'labels',
      'cells',
      [
        { image: {}, output: { ...CELLS, labels: 'colours.json', firstLabel: 1 } },
        /names the classes 1 to 3; the model has the classes 0 to 2/,
      ],
    ],
    [
      'columns',
      'cells',
      [
        { image: {}, output: { ...CELLS, packed: { columns: ['box', 'score', 'label'], transposed: true } } },
        /they take 6 numbers a box; "output0" is \[\?,7,64\], which has 7/,
      ],
    ],
    [
      'crop',
      'cells',
      [{ image: { crop: [9, 9] }, output: CELLS }, /the model's input is \[\?,3,8,8\]\. Set image\.crop to \[8, 8\]/],
    ],
    [
      'vector',
      'row_sum',
      [
        { image: {}, output: { boxes: 'sum', scores: 'sum', boxFormat: 'xyxy', coordinates: 'pixels' } },
        /"sum" is \[\?,1\]; expected \[boxes, 4\]/,
      ],
    ],
    [
      'tensors',
      'multi',
      [
        {
          image: {},
          output: {
            packed: { columns: ['box', 'classes'], transposed: true },
            boxFormat: 'xyxy',
            coordinates: 'pixels',
          },
        },
        /An object detector takes \[N, channels, height, width\] or one picture without N; "x" is \[\?,3\]/,
      ],
    ],
    [
      'boxes',
      'add',
      [
        { image: {}, output: { boxes: 'sum', scores: 'sum', boxFormat: 'xyxy', coordinates: 'pixels' } },
        /"sum" is \[\?,3\]; expected \[boxes, 4\] or \[N, boxes, 4\]/,
      ],
    ],
  ])('says so: %s', async (name, model, [manifest, complaint]) => {
    await expect(loadModel(detector(model, name, manifest), runner)).rejects.toThrow(complaint);
  });
});
