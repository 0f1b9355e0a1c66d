/** Texts through a model: what comes out is what numpy made of the ids that Python's tokenizers gave. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersOf } from '../../../../../test/fixtures/answers.js';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { startRunThread } from '../../../../../test/fixtures/run-thread.js';
import { tinyTexts } from '../../../../../test/fixtures/texts.js';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { encodeFrame } from '../../tensor/frame.js';
import { loadModel, type Model } from '../model.js';
import type { RunClient } from '../run/run-client.js';

interface Answer {
  embedding: number[];
  truncated?: true;
  prediction: number;
  label: string;
  top: { index: number }[];
}
type Result = Answer | { code: string; message: string };

let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(() => runner.close());
const packages = new TemporaryPackages();
afterAll(() => packages.remove());

const run = (model: Model, inputs: ExecutorInput[]): Promise<Result[]> => answersOf<Answer>(runner, model, inputs);
const text = (...texts: string[]): ExecutorInput => ({
  type: 'text',
  rows: 1,
  bytes: Buffer.concat(
    texts.flatMap((each, i) => (i === 0 ? [Buffer.from(each)] : [Buffer.of(0xff), Buffer.from(each)])),
  ),
});
const vectorOf = (result: Result | undefined): number[] => (result as Answer).embedding;
const { texts, ids, embeddings } = tinyTexts();

/** A tiny model with another manifest, or other files. */
function made(
  from: string,
  manifest: object,
  change: (file: Record<string, unknown>) => object = (file) => file,
): string {
  const folder = fixtureModel(from);
  const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as Record<string, unknown>;
  const files = {
    'model.onnx': join(folder, 'model.onnx'),
    'tokenizer.json': Buffer.from(JSON.stringify(change(tokenizer))),
    'labels.json': Buffer.from('["bad","fair","good"]'),
  };
  return packages.make(`m${made.count++}`, files, manifest);
}
made.count = 0;

describe('an embedding', () => {
  it('is what Python makes of the text', async () => {
    const model = await loadModel(fixtureModel('tiny_embedding'), runner);
    const results = await run(
      model,
      texts.map((each) => text(each)),
    );
    results.forEach((result, i) => {
      vectorOf(result).forEach((value, at) => expect(value).toBeCloseTo(embeddings[i]![at]!, 5));
    });
  });

  it('is the same alone as among longer and shorter texts', async () => {
    const model = await loadModel(fixtureModel('tiny_embedding'), runner);
    const together = await run(
      model,
      texts.map((each) => text(each)),
    );
    for (const [i, each] of texts.entries()) {
      const [alone] = await run(model, [text(each)]);
      vectorOf(alone).forEach((value, at) => expect(value).toBeCloseTo(vectorOf(together[i])[at]!, 6));
    }
  });

  it('says that a text was cut, and of no other', async () => {
    const model = await loadModel(fixtureModel('tiny_embedding'), runner);
    const results = await run(
      model,
      texts.map((each) => text(each)),
    );
    expect(results.map((result) => (result as Answer).truncated)).toEqual(
      texts.map((each) => (each.startsWith('dogging') ? true : undefined)),
    );
  });

  it('takes ids that somebody else made, and heeds their mask', async () => {
    const model = await loadModel(fixtureModel('tiny_embedding'), runner);
    const row = [...ids[0]!, 0, 0];
    const tensor = (name: string, values: number[]) => ({
      name,
      dtype: 'int64' as const,
      shape: [1, values.length],
      data: BigInt64Array.from(values, BigInt),
    });
    const mask = row.map((id) => (id === 0 ? 0 : 1));
    const bytes = encodeFrame([
      tensor('input_ids', row),
      tensor('attention_mask', mask),
      tensor(
        'token_type_ids',
        row.map(() => 0),
      ),
    ]);
    const [result] = await run(model, [{ type: 'tensors', rows: 1, bytes }]);
    const [answer] = result as unknown as Answer[];
    answer!.embedding.forEach((value, at) => expect(value).toBeCloseTo(embeddings[0]![at]!, 5));
  });

  it.each([
    ['tiny_bag_fixed', { maxBatchSize: 32, text: { maxLength: 8, maxBytes: 512, pairs: false } }],
    ['tiny_bag_one', { maxBatchSize: 1, text: { maxLength: 16, maxBytes: 1024, pairs: false } }],
    // Nothing would tell it what is padding.
    ['tiny_bag', { maxBatchSize: 1 }],
    ['tiny_embedding', { maxBatchSize: 32, text: { maxLength: 16, maxBytes: 1024, pairs: false } }],
  ])('of %s: what is known of the model is told', async (name, expected) => {
    expect((await loadModel(fixtureModel(name), runner)).description).toMatchObject({ task: 'embedding', ...expected });
  });

  it('pads to the length that the model has', async () => {
    const one = await loadModel(fixtureModel('tiny_bag_one'), runner);
    const fixed = await loadModel(fixtureModel('tiny_bag_fixed'), runner);
    const [expected] = await run(one, [text('a bad film')]);
    const [came, other] = await run(fixed, [text('a bad film'), text('the cat sat on the sofa very good')]);
    expect(vectorOf(came)).toEqual(vectorOf(expected));
    expect(other).toMatchObject({ truncated: true });
  });

  it("is the first token's where the package says so, and as long as the model made it", async () => {
    const mean = await loadModel(
      made('tiny_embedding', { task: 'embedding', embedding: { pooling: 'mean', normalize: false } }),
      runner,
    );
    const cls = await loadModel(
      made('tiny_embedding', { task: 'embedding', embedding: { pooling: 'cls', normalize: false } }),
      runner,
    );
    const [[ofMean], [ofCls]] = await Promise.all([run(mean, [text('dog')]), run(cls, [text('dog')])]);
    expect(Math.hypot(...vectorOf(ofMean))).not.toBeCloseTo(1, 2);
    expect(vectorOf(ofCls)).not.toEqual(vectorOf(ofMean));
  });
});

describe("a text's classes", () => {
  it("are answered as a picture's, for one text and for two", async () => {
    const model = await loadModel(fixtureModel('tiny_sentiment'), runner);
    const [one, two, turned] = await run(model, [
      text('the cat'),
      text('the cat sat', 'dog'),
      text('dog', 'the cat sat'),
    ]);
    expect(one).toMatchObject({ prediction: expect.any(Number), label: expect.any(String), score: expect.any(Number) });
    expect((one as Answer).top.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    expect(two).not.toEqual(one);
    expect(turned).not.toEqual(two);
  });

  it('come alone for each that is refused', async () => {
    const model = await loadModel(fixtureModel('tiny_sentiment'), runner);
    const inputs: ExecutorInput[] = [
      text('good'),
      { type: 'text', rows: 1, bytes: Buffer.from([0x68, 0xc3, 0x28]) },
      text('x'.repeat(1025)),
      { type: 'image', rows: 1, bytes: Buffer.from('x') },
    ];
    const results = await run(model, inputs);
    expect(results[0]).toMatchObject({ label: expect.any(String) });
    const messages = results.slice(1).map((result) => (result as { code: string; message: string }).message);
    expect(messages).toEqual([
      expect.stringMatching(/not UTF-8/),
      expect.stringMatching(/1025 bytes; this model takes 1024 at most/),
      expect.stringMatching(/A picture came; this model takes a text/),
    ]);
    expect(results.slice(1).map((result) => (result as { code: string }).code)).toEqual(Array(3).fill('INPUT_INVALID'));
  });
});

describe('a package of texts is refused', () => {
  const embeds = { task: 'embedding', embedding: { pooling: 'mean' } };
  it.each([
    [
      'tiny_embedding',
      { task: 'embedding' },
      /"last_hidden_state" is \[\?,\?,4\]; expected \[N, size\].*"pooling": "mean"/,
    ],
    ['tiny_bag', embeds, /"sums" is \[\?,4\]; expected \[N, tokens, size\].*pooled already/],
    [
      'tiny_bag',
      { task: 'embedding', embedding: { output: 'x' } },
      /embedding\.output: came "x", expected one of sums/,
    ],
    ['tiny_bag_fixed', { task: 'embedding', text: { maxLength: 9 } }, /text\.maxLength: came 9, expected at most 8/],
    ['tiny_embedding', { ...embeds, text: { maxLength: 2 } }, /tokenizer\.json adds 2 special tokens.*no room/],
    [
      'tiny_embedding',
      { ...embeds, text: { inputs: { ids: 'input_ids' } } },
      /"attention_mask" is none that a text gives/,
    ],
    ['tiny_embedding', { ...embeds, text: { tokenizer: 'vocab.json' } }, /vocab\.json is missing from the package/],
    ['add', { task: 'embedding' }, /input "a" is none that a text gives/],
  ])('%s as %j', async (from, manifest, message) => {
    const folder =
      from === 'add'
        ? packages.make(
            'add',
            {
              'model.onnx': join(fixtureModel('add'), 'model.onnx'),
              'tokenizer.json': join(fixtureModel('tiny_bag'), 'tokenizer.json'),
            },
            manifest,
          )
        : made(from, manifest);
    await expect(loadModel(folder, runner)).rejects.toThrow(message);
  });

  it.each([
    [() => ({}), /tokenizer\.json is not a tokenizer of the Hugging Face format/],
    [(file: object) => ({ ...file, post_processor: { type: 'Other' } }), /tokenizer\.json post_processor is of a kind/],
    [(file: object) => ({ ...file, pre_tokenizer: { type: 'Other' } }), /tokenizer\.json cannot be read: .*Other/],
    [
      (file: object) => ({ ...file, truncation: { max_length: 9, direction: 'Left' } }),
      /cuts long texts at their beginning/,
    ],
  ])('whose tokenizer is %s', async (change, message) => {
    await expect(loadModel(made('tiny_embedding', embeds, change), runner)).rejects.toThrow(message);
  });

  it('of whose one score softmax would make 1 always', async () => {
    const task = 'text-classification';
    await expect(loadModel(made('tiny_reranker', { task }), runner)).rejects.toThrow(/softmax makes 1 always/);
    const { description } = await loadModel(made('tiny_reranker', { task, output: { activation: 'none' } }), runner);
    expect(description.text).toEqual({ maxLength: 16, maxBytes: 1024, pairs: true });
  });
});
