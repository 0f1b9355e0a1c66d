/** What this build's onnxruntime runs is what the check of a model's file says that it runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { node, rows, type ModelOptions } from '../../../../../test/fixtures/onnx-models.js';
import { TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { startRunThread } from '../../../../../test/fixtures/run-thread.js';
import type { RunClient } from '../run/run-client.js';
import { NEWEST_IR, NEWEST_OPSETS } from './model-check.js';

const packages = new TemporaryPackages();
let runner: RunClient;
beforeAll(async () => {
  runner = await startRunThread();
});
afterAll(async () => {
  await runner.close();
  packages.remove();
});

async function opens(options: ModelOptions): Promise<boolean> {
  const path = join(packages.make('of', {}), 'model.onnx');
  writeFileSync(path, rows([node('Relu', 'x > y')], [], options));
  return runner.open(path).then(
    () => true,
    () => false,
  );
}

it.each([
  ['operators of ONNX', { opset: NEWEST_OPSETS['']! }, { opset: NEWEST_OPSETS['']! + 1 }],
  [
    'operators of ai.onnx.ml',
    { domains: { 'ai.onnx.ml': NEWEST_OPSETS['ai.onnx.ml']! } },
    { domains: { 'ai.onnx.ml': NEWEST_OPSETS['ai.onnx.ml']! + 1 } },
  ],
  ['the format', { ir: NEWEST_IR }, { ir: NEWEST_IR + 1 }],
])('the newest version of %s is loaded, and none beyond', async (_, newest, beyond) => {
  expect(await opens(newest)).toBe(true);
  expect(await opens(beyond)).toBe(false);
});
