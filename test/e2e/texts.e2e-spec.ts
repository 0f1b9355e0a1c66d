// Proves: texts go in by every road that pictures do, come out as vectors and classes, and are refused in words of their own.
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { tinyTexts } from '../fixtures/texts.js';
import { ask, form, postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';

const models = new ModelsFolder()
  .digits()
  .fixtures('row_sum', 'tiny_embedding', 'tiny_sentiment', 'tiny_bag_fixed', 'tiny_bag_one');
const { texts, embeddings } = tinyTexts();
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' },
    workerEnv: { SLUICE_EXECUTORS: '1' },
    awaits: ['digits', 'row_sum', 'tiny_embedding', 'tiny_sentiment', 'tiny_bag_fixed', 'tiny_bag_one'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const url = (model: string): string => `${stack.url}/predict/${model}`;
const raw = (model: string, type: string, body: string | Buffer): Promise<Answer> =>
  ask(url(model), { headers: { 'content-type': type }, body });
const predict = (model: string, body: unknown): Promise<Answer> => postJson(url(model), body);

function expectVector(came: number[], expected: readonly number[]): void {
  expect(came).toHaveLength(expected.length);
  came.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
}

describe('a text', () => {
  const [first] = texts as [string];
  it.each([
    ['text/plain', () => raw('tiny_embedding', 'text/plain; charset=utf-8', first)],
    ['a body of no stated kind', () => ask(url('tiny_embedding'), { body: first })],
    ['JSON', () => predict('tiny_embedding', { input: first })],
    ['a form', () => ask(url('tiny_embedding'), form([{ name: 'file', filename: 'a.txt', content: first }]))],
    ["a form's field", () => ask(url('tiny_embedding'), form([{ name: 'data', content: first }]))],
  ])('by %s is answered with its vector', async (_, send) => {
    const { status, json } = await send();
    expect(status).toBe(200);
    expect(json).toMatchObject({ model: 'tiny_embedding', version: '1', metrics: { batch_size: 1 } });
    expectVector(json.embedding, embeddings[0]!);
  });

  it('that looks like JSON is a text where it says so', async () => {
    const text = '{"input": "cat"}';
    const [plain, json] = await Promise.all([
      raw('tiny_embedding', 'text/plain', text),
      raw('tiny_embedding', 'application/octet-stream', text),
    ]);
    expect(plain.json.embedding).toEqual((await predict('tiny_embedding', { input: text })).json.embedding);
    expect(json.json.embedding).toEqual((await predict('tiny_embedding', { input: 'cat' })).json.embedding);
  });

  it('among others of all lengths is answered as by itself, in order', async () => {
    const several = await predict('tiny_embedding', { inputs: texts });
    expect(several.json.outputs).toHaveLength(texts.length);
    several.json.outputs.forEach((output: Answer['json'], i: number) => expectVector(output.embedding, embeddings[i]!));
    expect(several.json.outputs.map((output: Answer['json']) => output.truncated ?? false)).toEqual(
      texts.map((text) => text.startsWith('dogging')),
    );
  });

  it.each(['tiny_bag_fixed', 'tiny_bag_one'])('goes to %s, whose shape is fixed', async (model) => {
    const { json } = await predict(model, { inputs: ['a cat', 'the dog'] });
    expect(json.outputs.map((output: Answer['json']) => output.embedding.length)).toEqual([4, 4]);
  });

  it('may be two, where the model compares', async () => {
    const one = await predict('tiny_sentiment', { input: 'the cat' });
    expect(one.json).toMatchObject({
      prediction: expect.any(Number),
      label: expect.any(String),
      top: expect.any(Array),
    });
    const pairs = await predict('tiny_sentiment', {
      inputs: [['the cat sat', 'dog'], 'the cat', ['dog', 'the cat sat']],
    });
    const [two, alone, turned] = pairs.json.outputs;
    expect(alone.top).toEqual(one.json.top);
    expect(two.top).not.toEqual(alone.top);
    expect(turned.top).not.toEqual(two.top);
  });

  it('may be ids that somebody else has made', async () => {
    const ids = [2, 79, 80, 82, 91, 3];
    const { status, json } = await predict('tiny_embedding', {
      tensors: { input_ids: [ids], attention_mask: [ids.map(() => 1)], token_type_ids: [ids.map(() => 0)] },
    });
    expect(status).toBe(200);
    expectVector(json.outputs[0].embedding, embeddings[0]!);
  });
});

describe('refused is', () => {
  const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]);
  interface Refusal {
    what: string;
    send: () => Promise<Answer>;
    says: RegExp;
    status?: number;
    code?: string;
  }
  const media = { status: 415, code: 'MEDIA_TYPE_UNSUPPORTED' };
  const embed = (body: unknown) => (): Promise<Answer> => predict('tiny_embedding', body);
  const field = form([{ name: 'data', content: 'a'.repeat(65_537) }]);
  const refusals: Refusal[] = [
    {
      what: 'a picture for a model of texts',
      send: () => raw('tiny_embedding', 'image/png', PNG),
      says: /takes texts, not pictures: send text\/plain/,
      ...media,
    },
    {
      what: 'a text for a model of pictures',
      send: () => raw('digits', 'text/plain', 'seven'),
      says: /takes pictures, not texts: send image/,
      ...media,
    },
    {
      what: 'a text for a model of tensors',
      send: () => raw('row_sum', 'text/plain', 'seven'),
      says: /takes tensors, not texts: send application\/json for x \(float32\)/,
      ...media,
    },
    {
      what: 'another charset',
      send: () => raw('tiny_embedding', 'text/plain; charset=ISO-8859-1', 'x'),
      says: /charset "ISO-8859-1"; UTF-8 was expected/,
      ...media,
    },
    {
      what: 'a picture of no stated kind',
      send: () => ask(url('tiny_embedding'), { body: PNG }),
      says: /The 6 bytes are not a text in UTF-8/,
    },
    {
      what: 'a text that is too large',
      send: () => raw('tiny_embedding', 'text/plain', 'ä'.repeat(513)),
      says: /has 1026 bytes; .* takes 1024 at most, of which it reads 16 tokens/,
    },
    { what: 'the same in JSON', send: embed({ inputs: ['a', 'ä'.repeat(513)] }), says: /inputs\[1\] has 1026 bytes/ },
    { what: 'half a character', send: embed({ input: 'a\ud83d' }), says: /half of a surrogate pair/ },
    { what: 'a number', send: embed({ input: 5 }), says: /input is 5; a text was expected/ },
    { what: 'a number among texts', send: embed({ inputs: ['a', 5] }), says: /inputs\[1\] is 5; a text was expected/ },
    {
      what: 'two texts as a row',
      send: embed({ input: ['a', 'b'] }),
      says: /takes one text as a row. Several.* "inputs"/,
    },
    {
      what: 'three texts as a row',
      send: () => predict('tiny_sentiment', { input: ['a', 'b', 'c'] }),
      says: /a text, or an array of two, as a row/,
    },
    { what: 'more than a request may have', send: embed({ inputs: Array(257).fill('a') }), says: /at most 256 texts/ },
    {
      what: 'an empty body',
      send: () => raw('tiny_embedding', 'text/plain', ''),
      says: /empty/,
      status: 400,
      code: 'BODY_EMPTY',
    },
    {
      what: "a form's field that was cut off",
      send: () => ask(url('tiny_embedding'), field),
      says: /too large. Send its value as a file/,
      status: 413,
      code: 'BODY_TOO_LARGE',
    },
  ];
  it.each(refusals)('$what', async ({ send, says, status = 422, code = 'INPUT_INVALID' }) => {
    const answer = await send();
    expect(answer).toMatchObject({ status, json: { code } });
    expect(answer.json.detail).toMatch(says);
  });
});

describe('kept for later', () => {
  it('a text is told with its vector, and given back as it came', async () => {
    const submitted = await postJson(
      `${stack.url}/v1/predictions`,
      { model: 'tiny_embedding', input: { text: 'Zürich 2024' } },
      { prefer: 'wait=30' },
    );
    expect(submitted).toMatchObject({ status: 201, json: { status: 'succeeded', input: 'Zürich 2024' } });
    expectVector(submitted.json.output.embedding, embeddings[4]!);
    const given = await ask(submitted.json.urls.input, { method: 'GET' });
    expect(given.json).toEqual({ input: 'Zürich 2024' });
  });

  it('several are, and two as one, and none at all', async () => {
    const inputs = [['the cat', 'a dog'], '', 'good'];
    const submitted = await postJson(
      `${stack.url}/v1/predictions`,
      { model: 'tiny_sentiment', inputs },
      { prefer: 'wait=30' },
    );
    expect(submitted).toMatchObject({ status: 201, json: { status: 'succeeded', input: inputs } });
    expect(submitted.json.output).toHaveLength(3);
    const empty = await postJson(`${stack.url}/predict/tiny_embedding`, { input: '' }, { prefer: 'wait=30' });
    expectVector(empty.json.embedding, embeddings[2]!);
  });

  it('by the line, bare and with ids, long ones among short ones', async () => {
    const batches = `${stack.url}/v1/batches`;
    const lines = [
      ...texts.map((text) => JSON.stringify({ input: text })),
      JSON.stringify(texts[0]),
      JSON.stringify({ custom_id: 'mine', input: texts[1] }),
      JSON.stringify({ custom_id: 'long', input: 'x'.repeat(1_025) }),
    ];
    const { json } = await sendRows(`${batches}?model=tiny_embedding`, lines);
    await ended(`${batches}/${json.id}`);
    const found = await results(`${batches}/${json.id}`);
    [...embeddings, embeddings[0]!, embeddings[1]!].forEach((vector, i) =>
      expectVector((found[i]!.output as unknown as Answer['json']).embedding, vector),
    );
    expect(found.at(-1)).toMatchObject({ custom_id: 'long', error: { code: 'INPUT_INVALID' } });
  });

  it('by the file of an archive', async () => {
    const archive = new ZipFile();
    archive.addBuffer(Buffer.from(texts[0]!), 'a.txt');
    archive.addBuffer(Buffer.from([0xff, 0xfe]), 'b.txt');
    archive.addBuffer(Buffer.from('x'.repeat(1_025)), 'c.txt');
    archive.end();
    const batches = `${stack.url}/v1/batches`;
    const { json } = await ask(`${batches}?model=tiny_embedding`, {
      headers: { 'content-type': 'application/zip' },
      body: await buffer(archive.outputStream as never),
    });
    await ended(`${batches}/${json.id}`);
    const [good, noText, large] = await results(`${batches}/${json.id}`);
    expectVector((good!.output as unknown as Answer['json']).embedding, embeddings[0]!);
    expect(noText).toMatchObject({ name: 'b.txt', error: { code: 'INPUT_INVALID' } });
    expect(large).toMatchObject({ name: 'c.txt', error: { code: 'BODY_TOO_LARGE' } });
  });
});
