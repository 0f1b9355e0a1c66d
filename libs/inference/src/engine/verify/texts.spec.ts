/** Models of texts are tried with texts: of any length, beside others, and with the package's own as samples. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLOAT, INT64, int, integers, node, numbers, onnx, value } from '../../../../../test/fixtures/onnx-models.js';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { minilm, tinyTexts } from '../../../../../test/fixtures/texts.js';
import { verified } from '../../../../../test/fixtures/verified.js';

const packages = new TemporaryPackages();
afterAll(() => packages.remove());

/** The sum of the vectors of a text's tokens, and of what it is padded with where nobody looks at the mask. */
function bag(isMasked: boolean): Buffer {
  const nodes = [
    node('Gather', 'table input_ids > vectors', int('axis', 0)),
    node('Cast', 'attention_mask > mask', int('to', FLOAT)),
    node('Unsqueeze', 'mask last > column'),
    ...(isMasked ? [] : [node('Mul', 'column nought > nothing'), node('Add', 'nothing one > all')]),
    node('Mul', `vectors ${isMasked ? 'column' : 'all'} > kept`),
    node('ReduceSum', 'kept places > y', int('keepdims', 0)),
  ];
  const table = Array.from({ length: 200 * 4 }, (_, i) => Math.sin(i));
  return onnx({
    nodes,
    inputs: [value('input_ids', ['N', 'T'], INT64), value('attention_mask', ['N', 'T'], INT64)],
    outputs: [value('y', ['N', 4])],
    constants: [
      numbers('table', [200, 4], table),
      integers('last', [1], [-1]),
      integers('places', [1], [1]),
      numbers('nought', [], [0]),
      numbers('one', [], [1]),
    ],
  });
}

function ofBag(name: string, isMasked: boolean): string {
  const files = {
    'model.onnx': bag(isMasked),
    'tokenizer.json': join(fixtureModel('tiny_embedding'), 'tokenizer.json'),
  };
  return packages.make(name, files, { task: 'embedding', embedding: { normalize: false } });
}

it.each(['tiny_embedding', 'tiny_sentiment', 'tiny_reranker'])('%s passes', async (name) => {
  const { report, reason } = await verified(fixtureModel(name));
  expect(reason).toBeUndefined();
  expect(report).toMatchObject({ outcome: 'passed', rowsMix: false });
  expect(report.checks.find(({ check }) => check === 'batch-invariance')).toMatchObject({ status: 'passed' });
});

it('a model that looks at its mask passes, one that does not is served with one text a run', async () => {
  expect((await verified(ofBag('masked', true))).passed?.facts).toMatchObject({ rowsMix: false });
  const { passed, report } = await verified(ofBag('unmasked', false));
  expect(passed?.facts).toMatchObject({ rowsMix: true, maxBatchSize: 1 });
  expect(report.checks.find(({ check }) => check === 'batch-invariance')?.message).toMatch(
    /^A row came out differently/,
  );
});

it('texts may be samples, in JSON and as they are', async () => {
  const { texts, embeddings } = tinyTexts();
  const directory = packages.make('sampled', {}, { task: 'embedding', embedding: { pooling: 'mean' } });
  for (const file of ['model.onnx', 'tokenizer.json']) {
    cpSync(join(fixtureModel('tiny_embedding'), file), join(directory, file));
  }
  mkdirSync(join(directory, 'samples'));
  const write = (file: string, content: string): void => writeFileSync(join(directory, 'samples', file), content);
  write('0.txt', texts[0]!);
  write('0.json', JSON.stringify({ embedding: embeddings[0] }));
  write('1.in.json', JSON.stringify({ inputs: texts.slice(0, 3) }));
  write('1.json', JSON.stringify({ outputs: embeddings.slice(0, 3).map((embedding) => ({ embedding })) }));
  const samples = [
    { input: '0.txt', contentType: 'text/plain; charset=utf-8', output: '0.json', tolerance: 1e-5 },
    { input: '1.in.json', contentType: 'application/json', output: '1.json', tolerance: 1e-5 },
  ];
  write('samples.json', JSON.stringify({ samples }));
  const { report } = await verified(directory);
  expect(report.checks.find(({ check }) => check === 'samples')?.message).toBeUndefined();
  write('0.json', JSON.stringify({ embedding: embeddings[1] }));
  const { reason } = await verified(directory);
  expect(reason).toMatch(
    /^The answer to samples\/0\.txt is not the expected one within 0\.00001: embedding\[0\] came as/,
  );
});

it('a real model passes', async () => {
  const found = minilm();
  if (!found) return;
  const { report, passed } = await verified(found.folder, { memoryBytes: 3 * 2 ** 30 });
  expect(report).toMatchObject({ outcome: 'passed', rowsMix: false });
  expect(passed?.facts.memoryBytes).toBeGreaterThan(80_000_000);
}, 120_000);
