// Proves: `sluice model inspect` tells what an ONNX file is without running it, and what it proposes is a model.json.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest } from '#inference';
import { externalTensor, model as onnx, value } from '../fixtures/onnx-bytes.js';
import { fixtureModel } from '../fixtures/packages.js';
import { sluice, type Ended } from '../support/sluice.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

const inspect = (...args: string[]): Promise<Ended> => sluice(['model', 'inspect', ...args]);
const digits = join(folder, 'digits', '2');
mkdirSync(digits, { recursive: true });
for (const file of ['model.onnx', 'labels.json']) cpSync(join('models/digits/1', file), join(digits, file));

const PROPOSED = `{
  "name": "digits",
  "version": "2",
  "task": "image-classification",
  "image": { "resize": { "exact": [16, 16] }, "color": "GRAY", "scale": 0.00392156862745098 },
  "output": { "activation": "softmax", "labels": "labels.json" }
}
`;

it('says of a model what it is, and what of the proposed model.json was guessed', async () => {
  expect(await inspect(digits)).toEqual({
    code: 0,
    stderr: '',
    stdout: `model       model.onnx (198 kB)
weights     in the file
made by     pytorch 2.13.0+cpu
opset       18
inputs      image  float32 [batch, 1, 16, 16]
outputs     logits  float32 [batch, 10]
batch axis  axis 0 (batch): rows of many requests share a run
operators   4 Conv, 4 Relu, Gemm, Reshape

Proposed model.json, of which was guessed:
  - task: the input image is a picture, the output logits a score for each of 10 classes
  - image.resize: the whole picture, whatever its aspect; {"shorterSide": …} and crop where training cut it
  - image.scale: bytes become 0 to 1; mean and std where training subtracted and divided more
  - output.activation: the output logits is taken for logits; "none" where it is a softmax already
  - output.labels: labels.json lies beside it, taken for the 10 class names

${PROPOSED}`,
  });
});

it('prints the proposal alone with --manifest, and it makes a package of the folder', async () => {
  const { stdout, stderr } = await inspect(join(digits, 'model.onnx'), '--manifest');
  expect(stdout).toBe(PROPOSED);
  expect(stderr).toMatch(/^guessed {2}task: /);
  expect(() => parseManifest(JSON.parse(stdout))).not.toThrow();
  writeFileSync(join(digits, 'model.json'), stdout);
  const packed = await sluice(['model', 'pack', digits, '-o', join(folder, 'digits.tar.gz')]);
  expect(packed).toMatchObject({ code: 0, stderr: '' });
  expect((await inspect(digits)).stdout).toMatch(/^model\.json {2}says image-classification$/m);
});

it('prints everything as JSON with --json', async () => {
  const { code, stdout, stderr } = await inspect(fixtureModel('external_weights'), '--json');
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({
    file: 'model.onnx',
    bytes: 156,
    weights: [{ file: 'model.onnx.data', bytes: 12 }],
    irVersion: 8,
    producer: { name: '', version: '' },
    opsets: { '': 13 },
    inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape: ['N', 3] }],
    outputs: [{ name: 'y', kind: 'tensor', dtype: 'float32', shape: ['N', 3] }],
    metadata: {},
    operators: { Add: 1 },
    functions: [],
    customDomains: [],
    externalFiles: ['model.onnx.data'],
    batchAxis: 'rows',
    beside: ['model.onnx.data'],
    proposal: {
      manifest: { name: 'external_weights', version: '1', task: 'tensor' },
      guesses: [expect.stringMatching(/^task: /)],
    },
  });
});

it('lets no name in a file reach the terminal as a command, and looks at nothing outside', async () => {
  const path = join(folder, 'evil.onnx');
  const graph = onnx(
    [5, externalTensor('../../etc/passwd')],
    [11, value('\x1b[2Jx', ['N', 2])],
    [12, value('y', ['N'])],
  );
  writeFileSync(path, graph);
  const { stdout } = await inspect(path);
  expect(stdout).not.toContain('\x1b');
  expect(stdout).toContain('\\u001b[2Jx');
  expect(stdout).toContain('../../etc/passwd (not there)');
});

it.each([
  [[join(folder, 'nothing')], 1, /^There is no file or folder/],
  [['docs'], 1, /has no \.onnx file directly in it/],
  [['test/fixtures/models/tiny_mobile/1'], 1, /model\.ort, which says nothing of itself.*model verify/],
  [['README.md'], 1, /README\.md is no ONNX model/],
  [[join(folder, 'digits.tar.gz')], 1, /is an archive; "sluice model verify"/],
  [[], 2, /Usage:/],
  [['a', '--json', '--manifest'], 2, /exclude each other/],
])('%j is exit code %i', async (args, code, text) => {
  writeFileSync(join(folder, 'digits.tar.gz'), '');
  const ended = await inspect(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(text);
});
