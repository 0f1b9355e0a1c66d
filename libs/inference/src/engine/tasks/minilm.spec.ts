/** A real model of sentences, with a real tokenizer: its vectors are those of onnxruntime in Python. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersOf } from '../../../../../test/fixtures/answers.js';
import { startRunThread } from '../../../../../test/fixtures/run-thread.js';
import { minilm } from '../../../../../test/fixtures/texts.js';
import { loadModel, type Model } from '../model.js';
import type { RunClient } from '../run/run-client.js';
import { TextEncoder } from '../text/encoder.js';

const TOLERANCE = 1e-4;
const real = minilm();
if (real) describe('MiniLM', () => proofs(real));
else it.skip('MiniLM is not there', () => undefined);

function proofs({ folder, goldens }: NonNullable<typeof real>): void {
  let runner: RunClient;
  let model: Model;
  beforeAll(async () => {
    runner = await startRunThread();
    model = await loadModel(folder, runner);
  });
  afterAll(() => runner.close());

  async function embed(texts: readonly string[]): Promise<number[][]> {
    const inputs = texts.map((text) => ({ type: 'text' as const, rows: 1, bytes: Buffer.from(text) }));
    const answers = await answersOf<{ embedding: number[] }>(runner, model, inputs);
    return answers.map((answer) => {
      if (!('embedding' in answer)) throw new Error(answer.message);
      return answer.embedding;
    });
  }
  const worst = (came: readonly number[], expected: readonly number[]): number =>
    expected.reduce((most, value, i) => Math.max(most, Math.abs(value - came[i]!)), 0);
  const alike = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);

  it('makes as many tokens as Python does', () => {
    const encoder = new TextEncoder(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')), 256);
    expect(goldens.map(({ text }) => encoder.encode(text).ids.length)).toEqual(goldens.map(({ tokens }) => tokens));
  });

  it.each(goldens.map(({ text, embedding }) => [text.slice(0, 40), text, embedding] as const))(
    'embeds %j as Python does',
    async (_, text, embedding) => {
      const [came] = await embed([text]);
      expect(worst(came!, embedding)).toBeLessThan(TOLERANCE);
    },
  );

  it('embeds all of them together as each alone', async () => {
    const together = await embed(goldens.map(({ text }) => text));
    together.forEach((came, i) => expect(worst(came, goldens[i]!.embedding)).toBeLessThan(TOLERANCE));
    const [alone] = await embed([goldens[0]!.text]);
    expect(worst(together[0]!, alone!)).toBeLessThan(1e-5);
  });

  it('finds what is alike alike', async () => {
    const pairs = [0, 2, 4].map((i) => [goldens[i]!.text, goldens[i + 1]!.text] as const);
    const vectors = await Promise.all(pairs.map((pair) => embed(pair)));
    const near = vectors.map(([a, b]) => alike(a!, b!));
    const far = vectors.map(([a], i) => alike(a!, vectors[(i + 1) % vectors.length]![1]!));
    expect(Math.min(...near)).toBeGreaterThan(Math.max(...far) + 0.3);
  });

  it('is refused more tokens than it has positions for, with what to change', async () => {
    const root = mkdtempSync(join(tmpdir(), 'minilm-'));
    const copy = join(root, 'minilm', '1');
    mkdirSync(copy, { recursive: true });
    for (const file of ['model.onnx', 'tokenizer.json']) copyFileSync(join(folder, file), join(copy, file));
    const manifest = { name: 'minilm', version: '1', task: 'embedding', embedding: { pooling: 'mean' } };
    writeFileSync(join(copy, 'model.json'), JSON.stringify({ ...manifest, text: { maxLength: 600 } }));
    await expect(loadModel(copy, runner)).rejects.toThrow(/shape \[1,600\].*Lower text\.maxLength/s);
    rmSync(root, { recursive: true });
  });
}
