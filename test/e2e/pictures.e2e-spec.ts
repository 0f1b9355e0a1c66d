// Proves: detectors and segmenters answer every kind of request with what is on the picture, one by one, many at once and
// between classifiers, and so do durable predictions and bulk runs.
import { readFileSync } from 'node:fs';
import { MAX_INLINE_RESULT } from '#inference';
import { drawn, grayOf, pngOf } from '../fixtures/pictures.js';
import { blots, cellsOn, COLOURS, MANIFESTS, shadesOn, spotsOn, type Detected } from '../fixtures/seen.js';
import { dataIsHere, readData } from '../support/data.js';
import { ask, form, postJson, seven, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';

const models = new ModelsFolder().digits().fixtures('spots', 'cells', 'shades');
for (const [name, manifest] of Object.entries(MANIFESTS)) {
  models.manifest(name, '1', manifest).file(name, '1', { 'colours.json': JSON.stringify(COLOURS) });
}
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' },
    awaits: ['digits', ...Object.keys(MANIFESTS)],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const send = (model: string, bytes: Buffer, type = 'image/png'): Promise<Answer> =>
  ask(`${stack.url}/predict/${model}`, { headers: { 'content-type': type }, body: bytes });
const detectionsOf = ({ json }: Answer): Detected => {
  const { detections, width, height } = json;
  return { detections, width, height };
};
const mapOf = async (segmentation: { png: string }): Promise<Uint8Array> =>
  (await grayOf(Buffer.from(segmentation.png, 'base64'))).data;

/** Real pictures where they are; everywhere one that is drawn. */
async function pictures(): Promise<[string, Buffer][]> {
  const real = ['kitten.jpg', '3dogs.jpg', 'fish.png'];
  return [
    ['drawn', await blots(1)],
    ['turned', readFileSync('test/fixtures/images/orientation-6.jpg')],
    ...(dataIsHere ? real.map((name): [string, Buffer] => [name, readData('images', name)]) : []),
  ];
}

describe('a detector', () => {
  it('finds what is on a picture, in its own pixels', async () => {
    for (const [, bytes] of await pictures()) {
      const spots = await send('spots', bytes);
      expect(spots).toMatchObject({ status: 200, json: { model: 'spots', version: '1', metrics: { batch_size: 1 } } });
      expect(detectionsOf(spots)).toEqual(await spotsOn(bytes));
      expect(detectionsOf(await send('cells', bytes))).toEqual(await cellsOn(bytes));
    }
  });

  it('answers every kind of body', async () => {
    const bytes = await blots(2);
    const expected = await spotsOn(bytes);
    const base64 = bytes.toString('base64');
    const url = `${stack.url}/predict/spots`;
    const answers = [
      await send('spots', bytes, 'application/octet-stream'),
      await ask(url, form([{ name: 'file', filename: 'x.png', content: bytes }])),
      await postJson(url, { input: base64 }),
      await postJson(url, { input: `data:image/png;base64,${base64}` }),
    ];
    for (const answer of answers) expect(detectionsOf(answer)).toEqual(expected);
  });

  it('answers several pictures of a request in their order', async () => {
    const each = await Promise.all([3, 4, 5, 6].map(blots));
    const inputs = each.map((bytes) => bytes.toString('base64'));
    for (const [model, on] of [
      ['spots', spotsOn],
      ['cells', cellsOn],
    ] as const) {
      const { json } = await postJson(`${stack.url}/predict/${model}`, { inputs });
      expect(json.outputs).toEqual(await Promise.all(each.map(on)));
    }
  });

  it('takes tensors, and answers in their pixels', async () => {
    const plane = (value: number): number[][] => [
      [0, value],
      [0, 0],
    ];
    const picture = [plane(0), plane(0.75), plane(0)];
    const found = { detections: [{ label: 'green', index: 2, score: 0.75, box: [1, 0, 2, 1] }], width: 2, height: 2 };
    expect(detectionsOf(await postJson(`${stack.url}/predict/spots`, { input: picture }))).toEqual(found);
    expect((await postJson(`${stack.url}/predict/spots`, { tensors: { images: picture } })).json.outputs).toEqual([
      found,
    ]);
    const { json } = await postJson(`${stack.url}/predict/spots`, { inputs: [picture] });
    expect(json).toMatchObject({ code: 'INPUT_INVALID', detail: expect.stringMatching(/has no batch axis/) });
  });

  it('refuses what is no picture as classifiers do', async () => {
    expect(await send('spots', Buffer.from('hello'))).toMatchObject({
      status: 415,
      json: { code: 'IMAGE_FORMAT_UNSUPPORTED' },
    });
    expect(await send('spots', (await blots(7)).subarray(0, 60))).toMatchObject({
      status: 422,
      json: { code: 'IMAGE_UNDECODABLE' },
    });
  });
});

describe('a segmenter', () => {
  it('gives the class of every pixel of a picture', async () => {
    for (const [, bytes] of await pictures()) {
      const { status, json } = await send('shades', bytes);
      expect(status).toBe(200);
      const expected = await shadesOn(bytes);
      expect([json.width, json.height]).toEqual([expected.width, expected.height]);
      expect(Buffer.compare(await mapOf(json), expected.data)).toBe(0);
      const counted = json.classes.reduce((sum: number, { pixels }: { pixels: number }) => sum + pixels, 0);
      expect(counted).toBe(expected.data.length);
    }
  });

  it('answers with a map that is larger than a reply of many', async () => {
    let state = 1;
    const noise = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
    const bytes = await pngOf(drawn({ width: 600, height: 600, colourAt: () => [noise(), noise(), noise()] }));
    const { json, text } = await send('shades', bytes);
    expect(text.length).toBeGreaterThan(MAX_INLINE_RESULT);
    expect(Buffer.compare(await mapOf(json), (await shadesOn(bytes)).data)).toBe(0);
  });

  it('answers rows of tensors, each with its map', async () => {
    const { json } = await postJson(`${stack.url}/predict/shades`, { inputs: [[[[0, 1]]], [[[0.5, 0.5]]]] });
    expect(json.outputs.map(({ classes }: { classes: object }) => classes)).toEqual([
      [
        { index: 0, pixels: 1 },
        { index: 2, pixels: 1 },
      ],
      [{ index: 1, pixels: 2 }],
    ]);
    expect([...(await mapOf(json.outputs[0]))]).toEqual([0, 2]);
  });
});

it('all of them serve together under many callers, each answer belonging to its picture', async () => {
  const each = await Promise.all(Array.from({ length: 24 }, (_, i) => blots(100 + i)));
  const sizes = new Map<string, number>();
  await Promise.all(
    each.flatMap((bytes) => [
      (async () => expect(detectionsOf(await noted(send('spots', bytes)))).toEqual(await spotsOn(bytes)))(),
      (async () => expect(detectionsOf(await noted(send('cells', bytes)))).toEqual(await cellsOn(bytes)))(),
      (async () => {
        const { json } = await noted(send('shades', bytes));
        expect(Buffer.compare(await mapOf(json), (await shadesOn(bytes)).data)).toBe(0);
      })(),
      (async () => expect((await noted(send('digits', seven()))).json).toMatchObject({ prediction: 7 }))(),
    ]),
  );
  // One run each without a batch axis. The segmenter's pictures differ in size, so that a batch of them is several runs.
  expect(sizes.get('spots')).toBe(1);
  expect(sizes.get('cells')).toBeGreaterThan(1);
  expect(sizes.get('shades')).toBeGreaterThan(1);

  async function noted(answer: Promise<Answer>): Promise<Answer> {
    const given = await answer;
    const { model, metrics } = given.json;
    sizes.set(model, Math.max(sizes.get(model) ?? 0, metrics.batch_size));
    return given;
  }
});

describe('a durable prediction', () => {
  it('is answered to one who waits, and kept', async () => {
    const bytes = await blots(8);
    const answer = await ask(`${stack.url}/predict/spots`, {
      headers: { 'content-type': 'image/png', prefer: 'wait=20' },
      body: bytes,
    });
    expect(answer.headers['preference-applied']).toMatch(/wait/);
    expect(detectionsOf(answer)).toEqual(await spotsOn(bytes));
    const [{ id }] = (await ask(`${stack.url}/v1/predictions?limit=1`, { method: 'GET' })).json.results;
    const { json } = await ask(`${stack.url}/v1/predictions/${id}`, { method: 'GET' });
    expect(json).toMatchObject({ status: 'succeeded', output: await spotsOn(bytes) });
  });

  it('of several pictures has one output each', async () => {
    const each = await Promise.all([9, 10].map(blots));
    const { json } = await postJson(
      `${stack.url}/v1/predictions`,
      { model: 'shades', inputs: each.map((bytes) => bytes.toString('base64')) },
      { prefer: 'wait=20' },
    );
    expect(json.status).toBe('succeeded');
    for (const [i, bytes] of each.entries()) {
      expect(Buffer.compare(await mapOf(json.output[i]), (await shadesOn(bytes)).data)).toBe(0);
    }
  });
});

it('a bulk run of pictures has a result for each row', async () => {
  const each = await Promise.all(Array.from({ length: 20 }, (_, i) => blots(200 + i)));
  const lines = each.map((bytes) => JSON.stringify({ input: bytes.toString('base64') }));
  for (const [model, on] of [
    ['spots', spotsOn],
    ['cells', cellsOn],
  ] as const) {
    const { json } = await sendRows(`${stack.url}/v1/batches?model=${model}`, [...lines, '{"input": "bm8="}']);
    const url = `${stack.url}/v1/batches/${json.id}`;
    expect(await ended(url)).toMatchObject({ rows: { succeeded: 20, failed: 1 } });
    const found = await results(url);
    expect(found.slice(0, 20).map((line) => line.output)).toEqual(await Promise.all(each.map(on)));
    expect(found[20]!.error!.code).toBe('IMAGE_FORMAT_UNSUPPORTED');
  }
});
