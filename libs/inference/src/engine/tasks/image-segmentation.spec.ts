/** Segmenters from picture to answer, with a real model whose classes are shades of gray. */
import { join } from 'node:path';
import { answersOf } from '../../../../../test/fixtures/answers.js';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { drawn, grayOf, pngOf } from '../../../../../test/fixtures/pictures.js';
import { startRunThread } from '../../../../../test/fixtures/run-thread.js';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { encodeFrame } from '../../tensor/frame.js';
import { loadModel } from '../model.js';
import type { RunClient } from '../run/run-client.js';
import type { Segmentation } from './image-segmentation.js';

const packages = new TemporaryPackages();
let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(async () => {
  await runner.close();
  packages.remove();
});

const LABELS = { 'shades.json': Buffer.from('{"0": "black", "1": "gray", "2": "white"}') };
const segmenter = (name: string, manifest: object, files: Record<string, Buffer> = LABELS): string =>
  packages.make(
    name,
    { 'model.onnx': join(fixtureModel('shades'), 'model.onnx'), ...files },
    { task: 'image-segmentation', ...manifest },
  );
const gray = { color: 'GRAY' };
const picture = (bytes: Uint8Array): ExecutorInput => ({ type: 'image', rows: 1, bytes });
const level = (value: number): [number, number, number] => [value, value, value];
/** Three shades side by side, each `wide` pixels. */
const bands = (wide: number, height: number): Promise<Buffer> =>
  pngOf(drawn({ width: 3 * wide, height, colourAt: (x) => level([0, 128, 255][Math.floor(x / wide)]!) }));

async function answer(folder: string, bytes: Uint8Array): Promise<Segmentation> {
  const model = await loadModel(folder, runner);
  return (await answersOf<Segmentation>(runner, model, [picture(bytes)]))[0] as Segmentation;
}

describe('a segmenter', () => {
  it('answers with the classes that are there, and their map as PNG', async () => {
    const { png, ...rest } = await answer(
      segmenter('png', { image: gray, output: { labels: 'shades.json' } }),
      await bands(2, 3),
    );
    expect(rest).toEqual({
      classes: [
        { label: 'black', index: 0, pixels: 6 },
        { label: 'gray', index: 1, pixels: 6 },
        { label: 'white', index: 2, pixels: 6 },
      ],
      width: 6,
      height: 3,
    });
    const map = await grayOf(Buffer.from(png!, 'base64'));
    expect([map.width, map.height, ...map.data]).toEqual([6, 3, ...Array(3).fill([0, 0, 1, 1, 2, 2]).flat()]);
  });

  it('answers with run lengths where it is asked to', async () => {
    const folder = segmenter('rle', { image: gray, output: { form: 'rle' } });
    expect(await answer(folder, await bands(2, 3))).toEqual({
      classes: [
        { index: 0, pixels: 6, counts: [0, 6, 12] },
        { index: 1, pixels: 6, counts: [6, 6, 6] },
        { index: 2, pixels: 6, counts: [12, 6] },
      ],
      width: 6,
      height: 3,
    });
  });

  it('tells how sure the model is of a class', async () => {
    const folder = segmenter('sure', { image: gray, output: { confidence: true } });
    const { classes } = await answer(folder, await bands(1, 1));
    const softmax = (value: number, own: number): number => {
      const powers = [0, 0.5, 1].map((shade) => Math.exp(-8 * Math.abs(value - shade)));
      return powers[own]! / powers.reduce((sum, power) => sum + power, 0);
    };
    expect(classes.map(({ score }) => score)).toEqual(
      [softmax(0, 0), softmax(128 / 255, 1), softmax(1, 2)].map((score) => expect.closeTo(score, 5) as unknown),
    );
  });

  it('answers in the size of the picture, whatever the model sees of it', async () => {
    const folder = segmenter('sized', { image: { ...gray, resize: { shorterSide: 30 }, crop: [30, 30] } });
    const { png, classes, width, height } = await answer(folder, await bands(100, 100));
    expect([width, height]).toEqual([300, 100]);
    // Of 300 × 100 pixels the middle 100 × 100 are seen, which are gray.
    expect(classes).toEqual([{ index: 1, pixels: 10_000 }]);
    const { data } = await grayOf(Buffer.from(png!, 'base64'));
    expect([data[0], data[99], data[100], data[199], data[200]]).toEqual([255, 255, 1, 1, 255]);
  });

  it('keeps the borders of classes within a pixel of the model', async () => {
    const folder = segmenter('borders', { image: { ...gray, resize: { exact: [10, 30] } } });
    const { data } = await grayOf(Buffer.from((await answer(folder, await bands(100, 100))).png!, 'base64'));
    const row = [...data.subarray(5000 * 3, 5000 * 3 + 300)];
    expect([row[85], row[115], row[185], row[215]]).toEqual([0, 1, 1, 2]);
  });

  it('takes the classes from the output that is named', async () => {
    const folder = segmenter('named', { image: gray, output: { map: 'classes', labels: 'shades.json' } });
    expect((await answer(folder, await bands(2, 3))).classes.map(({ pixels }) => pixels)).toEqual([6, 6, 6]);
  });

  it('is run in batches of pictures, and of rows', async () => {
    const model = await loadModel(segmenter('rows', { image: gray }), runner);
    expect(model.description).toMatchObject({ batched: true, maxBatchSize: 32 });
    const pictures = await Promise.all(
      [0, 128, 255].map((value) => pngOf(drawn({ width: 4, height: 2, colourAt: () => level(value) }))),
    );
    const answers = await answersOf<Segmentation>(runner, model, pictures.map(picture));
    expect(answers.map((each) => (each as Segmentation).classes)).toEqual(
      [0, 1, 2].map((index) => [{ index, pixels: 8 }]),
    );
    const frame = encodeFrame([
      { name: 'pixels', dtype: 'float32', shape: [2, 1, 1, 2], data: Float32Array.of(0, 1, 0.5, 0.5) },
    ]);
    expect(await answersOf(runner, model, [{ type: 'tensors', rows: 2, bytes: frame }])).toMatchObject([
      [
        {
          classes: [
            { index: 0, pixels: 1 },
            { index: 2, pixels: 1 },
          ],
          width: 2,
          height: 1,
        },
        { classes: [{ index: 1, pixels: 2 }] },
      ],
    ]);
  });

  it('refuses a map that would be megabytes of JSON', async () => {
    const noise = await pngOf(
      drawn({ width: 400, height: 400, colourAt: (x, y) => level((x + y) % 2 === 0 ? 0 : 255) }),
    );
    const refused = await answer(segmenter('noise', { image: gray, output: { form: 'rle' } }), noise);
    expect(refused).toMatchObject({
      ok: false,
      code: 'IMAGE_TOO_LARGE',
      message: expect.stringMatching(/400x400 pixels has more than 100000 runs; "form": "png"/) as string,
    });
    const folder = segmenter('noise-png', { image: gray });
    expect((await answer(folder, noise)).png!.length).toBeLessThan(100_000);
    let state = 1;
    const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
    const wild = drawn({ width: 3000, height: 3000, colourAt: () => level(next()) });
    expect(await answer(folder, await pngOf(wild))).toMatchObject({
      ok: false,
      code: 'IMAGE_TOO_LARGE',
      message: expect.stringMatching(/3000x3000 pixels has \d{7} bytes as PNG, of 2097152 allowed/) as string,
    });
  });
});

describe('a package that does not fit its model', () => {
  it.each<[string, object, RegExp]>([
    [
      'map',
      { output: { map: 'out' } },
      /output\.map: came "out", expected an output of the model; it has "scores" \[\?,3,\?,\?\], "classes"/,
    ],
    ['labels', { output: { labels: 'two.json' } }, /output\.labels: the file has 2 labels, expected 3/],
    ['confidence', { output: { map: 'classes', confidence: true } }, /holds classes without scores/],
    [
      'values',
      { output: { values: 'classes' } },
      /holds 3 numbers a pixel; expected one, as output\.values are "classes"/,
    ],
    ['color', { image: {} }, /image\.color "RGB" and image\.layout "NCHW" give 3 channels/],
  ])('says so: %s', async (name, manifest, complaint) => {
    const folder = segmenter(`bad-${name}`, { image: gray, ...manifest }, { 'two.json': Buffer.from('["a", "b"]') });
    await expect(loadModel(folder, runner)).rejects.toThrow(complaint);
  });

  it('may leave labels out by index', async () => {
    const some = { 'some.json': Buffer.from('{"2": "white"}') };
    const folder = segmenter('some', { image: gray, output: { labels: 'some.json' } }, some);
    expect((await answer(folder, await bands(1, 1))).classes).toEqual([
      { index: 0, pixels: 1 },
      { index: 1, pixels: 1 },
      { label: 'white', index: 2, pixels: 1 },
    ]);
  });
});
