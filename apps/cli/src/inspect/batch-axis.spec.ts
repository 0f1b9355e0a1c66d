/** The batch axis that is told from a file is the one that the engine finds when it has the model loaded. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOnnxHeader, type OnnxValue } from '#inference';
import { loadModel } from '../../../../libs/inference/src/engine/model.js';
import { fixtureModel } from '../../../../test/fixtures/packages.js';
import { startRunThread } from '../../../../test/fixtures/run-thread.js';
import { batchAxisOf } from './batch-axis.js';

/** No end, or the end of the process, is what these are for. */
const HARMFUL = new Set(['endless', 'gather_crash', 'slow']);
/** Of a task the engine may know more than the file says. */
const models = readdirSync('test/fixtures/models').filter((name) => {
  const files = readdirSync(join('test/fixtures/models', name, '1'));
  return !HARMFUL.has(name) && files.includes('model.onnx') && !files.includes('model.json');
});

it('is what the engine finds in every model of the tests', async () => {
  const runner = await startRunThread();
  try {
    for (const name of models) {
      const { description, session } = await loadModel(fixtureModel(name), runner);
      await runner.release(session);
      const found = !description.batched ? 'none' : description.maxBatchSize === 1 ? 'one' : 'rows';
      const { kind } = batchAxisOf(await readOnnxHeader(join(fixtureModel(name), 'model.onnx')));
      expect([name, kind]).toEqual([name, kind === 'trial' ? 'trial' : found]);
    }
  } finally {
    await runner.close();
  }
});

const value = (name: string, shape?: OnnxValue['shape']): OnnxValue => ({
  name,
  kind: 'tensor',
  dtype: 'float32',
  ...(shape && { shape }),
});

it.each([
  [[value('x', ['N', 3])], [value('y', ['N', 3])], 'rows', 'axis 0 (N): rows of many requests share a run'],
  [[value('x', [null, 3])], [value('y', [null])], 'rows', 'axis 0: rows of many requests share a run'],
  [[value('x', [1, 3])], [value('y', [1, 3])], 'one', /^fixed at 1/],
  [[value('x', ['N', 3])], [value('y')], 'trial', /the shape of y open/],
  [[value('x', ['N', 3])], [value('y', [4])], 'none', /^none/],
  [[value('x', ['N', 3]), value('z', [2])], [value('y', ['N'])], 'none', /^none/],
  [[value('x', [])], [value('y', [])], 'none', /^none/],
  [[], [value('y', ['N'])], 'none', /^none/],
])('%j to %j is "%s"', (...[inputs, outputs, kind, sentence]) => {
  const axis = batchAxisOf({ inputs, outputs });
  expect(axis).toEqual({ kind, sentence: typeof sentence === 'string' ? sentence : expect.stringMatching(sentence) });
});
