// Proves: a real embedding model answers over HTTP what onnxruntime in Python does, to many callers at once, long ones among short ones.
import { mkdirSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { minilm, type Golden } from '../fixtures/texts.js';
import { ask, postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';

const TOLERANCE = 1e-4;
const real = minilm();
if (real) describe('MiniLM', () => proofs(real));
else it.skip('MiniLM is not there', () => undefined);

function proofs({ folder, goldens }: NonNullable<typeof real>): void {
  const models = new ModelsFolder();
  let stack: Stack;
  beforeAll(async () => {
    mkdirSync(join(models.path, 'minilm'));
    cpSync(folder, join(models.path, 'minilm', '1'), { recursive: true });
    stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['minilm'] });
  });
  afterAll(async () => {
    await stack.close();
    models.remove();
  });
  const url = (): string => `${stack.url}/predict/minilm`;
  const expectGolden = (came: number[], { embedding }: Golden): void =>
    embedding.forEach((value, i) => expect(Math.abs(value - came[i]!)).toBeLessThan(TOLERANCE));

  it('answers each of many callers with the vector of his text, in batches of one length', async () => {
    const callers = Array.from({ length: 3 }, () => goldens).flat();
    const answers = await Promise.all(
      callers.map(({ text }) => postJson(url(), { input: text }, { 'x-request-timeout': '60' })),
    );
    answers.forEach(({ status, json }, i) => {
      expect(status).toBe(200);
      expectGolden(json.embedding, callers[i]!);
    });
    const sizes = answers.map(({ json }) => json.metrics.batch_size as number);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    // Two texts of 24 are long: were short ones padded to them, a batch would hold more than all of the long ones.
    const long = answers.filter((_, i) => Buffer.byteLength(callers[i]!.text) > 512);
    expect(Math.max(...long.map(({ json }) => json.metrics.batch_size as number))).toBeLessThanOrEqual(long.length);
    expect(answers.filter(({ json }) => json.truncated === true)).toHaveLength(6);
  });

  it('answers a list, and the lines of a bulk run', async () => {
    const list = await postJson(url(), { inputs: goldens.map(({ text }) => text) }, { 'x-request-timeout': '60' });
    list.json.outputs.forEach((output: Answer['json'], i: number) => expectGolden(output.embedding, goldens[i]!));
    const batches = `${stack.url}/v1/batches`;
    const { json } = await sendRows(
      `${batches}?model=minilm`,
      goldens.map(({ text }) => JSON.stringify({ input: text })),
    );
    await ended(`${batches}/${json.id}`);
    const lines = await results(`${batches}/${json.id}`);
    lines.forEach(({ output }, i) => expectGolden((output as unknown as Answer['json']).embedding, goldens[i]!));
  });

  it('says how far it reads where a text is larger than it takes', async () => {
    const { status, json } = await ask(url(), { headers: { 'content-type': 'text/plain' }, body: 'a '.repeat(9_000) });
    expect(status).toBe(422);
    expect(json.detail).toMatch(/18000 bytes; model "minilm" takes 16384 at most, of which it reads 256 tokens/);
  });
}
