// Proves: `sluice predict` sends what a file, standard input or the command line holds, by its content, and gives what a
// real service answers, to the byte.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seven } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { sluice, type Ended, type SluiceOptions } from '../support/sluice.js';
import { Stack } from '../support/stack.js';
import { StubGateway } from '../support/stub-gateway.js';

const models = new ModelsFolder().digits().fixtures('row_sum', 'add', 'identity_int64', 'tiny_embedding');
const folder = mkdtempSync(join(tmpdir(), 'sluice-predict-'));
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' },
    awaits: ['row_sum', 'add', 'identity_int64', 'tiny_embedding'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
  rmSync(folder, { recursive: true });
});

const predict = (args: string[], options: SluiceOptions = {}): Promise<Ended> =>
  sluice(['predict', ...args], { env: { SLUICE_URL: stack.url }, ...options });

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it('sends a picture, whatever it is called, from a file and from standard input', async () => {
  const misnamed = join(folder, 'seven.txt');
  copyFileSync('examples/digits/seven.png', misnamed);
  for (const ended of [
    await predict(['digits', misnamed]),
    await predict(['digits:1', '-'], { stdin: readFileSync(misnamed) }),
  ]) {
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ prediction: 7, model: 'digits', version: '1' });
  }
});

it.each([
  [['row_sum', '--input', '[1,2,3,4]'], { output: [10] }],
  [['row_sum', '--input', '{"inputs":[[1,2,3,4],[1,1,1,1]]}'], { outputs: [[10], [4]] }],
  [['add', '--input', '{"a":[1,2,3],"b":[10,20,30]}'], { output: [11, 22, 33] }],
])('%j takes a bare row as well as a whole request', async (args, answer) => {
  const { code, stdout } = await predict(args);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject(answer);
});

it('sends a text as it is, also one that is a number by itself', async () => {
  for (const text of ['a cat', '12']) {
    const { code, stdout } = await predict(['tiny_embedding', file('text', text)]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ embedding: expect.any(Array), model: 'tiny_embedding' });
  }
});

it('changes no digit on the way, in a file with a request and in one with a row', async () => {
  for (const text of ['{"input": ["9007199254740993", 2]}', '[ "9007199254740993", 2 ]\n']) {
    const { stdout } = await predict(['identity_int64', file('big.json', text)]);
    expect(stdout).toContain('[9007199254740993,2]');
  }
});

it('says why there is no answer, and tells "no" from "not now" by its exit code', async () => {
  const cases: [string[], number, RegExp][] = [
    [['row_sum', '--input', '[1,2]'], 1, /^INPUT_INVALID: input is an array of 2 values/],
    [['nope', '--input', '[1]'], 1, /^MODEL_NOT_FOUND: There is no model "nope"/],
    [['row_sum', join(folder, 'nothing')], 1, /^There is no file /],
    [['row_sum', folder], 1, /is a folder; "sluice batch run"/],
    [['row_sum', file('empty', '')], 1, /is empty/],
    [['row_sum', '--input', '{'], 2, /--input is no JSON/],
    [['row_sum'], 2, /Usage:/],
    [['row_sum', 'a', '--input', '[1]'], 2, /Usage:/],
    [['Row Sum', 'a'], 2, /is no model's name/],
  ];
  for (const [args, code, text] of cases) {
    const ended = await predict(args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(text);
  }
  const away = await predict(['row_sum', '--input', '[1]'], { env: { SLUICE_URL: 'http://127.0.0.1:9' } });
  expect(away).toMatchObject({ code: 4, stdout: '' });
});

it('says of a picture and of a text what they are, and of other bytes that they are bytes', async () => {
  const gateway = await StubGateway.start();
  gateway.on('POST /predict/m/2', { text: '{"a":  1}' });
  try {
    const env = { SLUICE_URL: gateway.url };
    for (const content of [seven(), Buffer.from('Grüße'), Buffer.from('[1]'), Buffer.from([0, 255, 1])]) {
      expect(await predict(['m:2', '-'], { env, stdin: content })).toEqual({
        code: 0,
        stdout: '{"a":  1}\n',
        stderr: '',
      });
      const sent = content.toString() === '[1]' ? Buffer.from('{"input":[1]}') : content;
      expect(gateway.asked.at(-1)!.body).toEqual(sent);
    }
    expect(gateway.asked.map(({ headers }) => headers['content-type'])).toEqual([
      'image/png',
      'text/plain; charset=utf-8',
      'application/json',
      'application/octet-stream',
    ]);
  } finally {
    await gateway.close();
  }
});
