// Proves: `sluice batch run` writes every row once and in order, also when it is stopped in between and when the server
// has room for a part of the rows only.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Child } from '../support/child.js';
import { ask } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { sendRows, type ResultLine } from '../support/rows.js';
import { Stack } from '../support/stack.js';

const models = new ModelsFolder().digits().fixtures('row_sum');
const folder = mkdtempSync(join(tmpdir(), 'sluice-batch-'));
const out = join(folder, 'out.jsonl');
let stack: Stack;
beforeAll(async () => {
  // Room for some 300 kB: less than the rows of a run.
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: {
      SLUICE_DEFAULT_MODEL: 'digits',
      SLUICE_STORAGE_SHARE: '0.0003',
      SLUICE_MAX_BODY_BYTES: '65536',
      SLUICE_MAX_JSON_BYTES: '65536',
    },
    awaits: ['row_sum'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => rmSync(out, { force: true }));

const command = (...args: string[]) =>
  new Child('dist/apps/cli/src/main.js', { SLUICE_URL: stack.url }, ['batch', 'run', ...args, '-o', out]);

const written = (): ResultLine[] =>
  readFileSync(out, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultLine);

function fileOf(lines: string[]): string {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, lines.join('\n'));
  return path;
}

it('goes on where Ctrl-C stopped it, and misses and doubles no row', async () => {
  const path = fileOf(Array.from({ length: 8_000 }, (_, i) => `[${i}, 1, 2, 3]`));
  const first = command('row_sum', path, '--json');
  await first.logged(/"written":[1-9]/);
  first.kill('SIGINT');
  expect((await first.exited).code).toBe(130);
  expect(existsSync(`${out}.state`)).toBe(true);
  const second = command('row_sum:1', path);
  expect((await second.exited).code).toBe(1);
  expect(second.log).toContain('of another run');
  renameSync(out, `${out}.away`);
  const without = command('row_sum', path);
  expect((await without.exited).code).toBe(1);
  expect(without.log).toMatch(/has 0 bytes, where \d+ were written/);
  renameSync(`${out}.away`, out);
  const third = command('row_sum', path);
  expect((await third.exited).code).toBe(0);
  expect(third.log).toContain('8000 of 8000 rows');
  expect(written().map((line) => line.output?.[0])).toEqual(Array.from({ length: 8_000 }, (_, i) => i + 6));
  expect(existsSync(`${out}.state`)).toBe(false);
});

it('goes on behind an upload that was broken off and is still being read, and misses and doubles no row', async () => {
  const lines = Array.from({ length: 8_000 }, (_, i) => `[${i}, 1, 2, 3]`);
  const run = command('row_sum', fileOf(lines), '--json');
  await run.logged(/"written":[1-9]/);
  const { batch } = JSON.parse(readFileSync(`${out}.state`, 'utf8')) as { batch: string };
  let taken = 0;
  while (taken < 5) {
    const { json } = await ask(`${stack.url}/v1/batches/${batch}`, { method: 'GET' });
    const from = json.committed as number;
    if (json.status !== 'open' || from === lines.length) break;
    const path = `${stack.url}/v1/batches/${batch}/rows?from=${from}&seal=false`;
    if ((await sendRows(path, lines.slice(from, from + 100))).status === 202) taken++;
  }
  expect(taken).toBeGreaterThan(0);
  expect((await run.exited).code).toBe(0);
  expect(written().map((line) => line.output?.[0])).toEqual(Array.from({ length: 8_000 }, (_, i) => i + 6));
});

it('says that rows are missing when somebody else has ended the batch', async () => {
  const path = fileOf(Array.from({ length: 8_000 }, (_, i) => `[${i}, 1, 2, 3]`));
  const first = command('row_sum', path, '--json');
  await first.logged(/"written":[1-9]/);
  first.kill('SIGINT');
  await first.exited;
  const { batch } = JSON.parse(readFileSync(`${out}.state`, 'utf8')) as { batch: string };
  expect((await ask(`${stack.url}/v1/batches/${batch}/cancel`)).status).toBe(200);
  const second = command('row_sum', path);
  expect((await second.exited).code).toBe(1);
  expect(second.log).toMatch(/was ended from elsewhere with \d+ of 8000 rows/);
  rmSync(`${out}.state`);
});

it('runs a folder of pictures by their names, and says by its exit code that one has no output', async () => {
  const pictures = join(folder, 'pictures');
  mkdirSync(join(pictures, 'b'), { recursive: true });
  copyFileSync('examples/digits/seven.png', join(pictures, 'z.png'));
  copyFileSync('examples/digits/seven.png', join(pictures, 'b', 'a.png'));
  const deep = join('c'.repeat(120), 'd'.repeat(120));
  mkdirSync(join(pictures, deep), { recursive: true });
  symlinkSync(join(pictures, 'z.png'), join(pictures, deep, 'linked.png'));
  symlinkSync(join(pictures, 'nowhere.png'), join(pictures, 'broken.png'));
  writeFileSync(join(pictures, 'bad.png'), 'no picture');
  // Longer than a row may be, so that no gateway reads whose it is.
  writeFileSync(join(pictures, 'large.png'), Buffer.alloc(128 * 1024));
  writeFileSync(join(pictures, 'notes.txt'), 'no picture either');
  // As people write it: not the shortest form of the path.
  const run = command('digits', `./${relative('.', pictures)}/`);
  expect((await run.exited).code).toBe(3);
  expect(written().map((line) => [line.custom_id, line.output?.label ?? line.status])).toEqual([
    ['b/a.png', '7'],
    ['bad.png', 'failed'],
    [`${deep}/linked.png`, '7'],
    ['large.png', 'failed'],
    ['z.png', '7'],
  ]);
  expect(written()[3]).toMatchObject({ row: 3, error: { code: 'BODY_TOO_LARGE' } });
});

it('sends a line as the bytes that it is, so that one that is not UTF-8 fails by itself', async () => {
  const lines = [
    '[1, 2, 3, 4]',
    '{"custom_id": "caf\xe9", "input": [1, 2, 3, 4]}',
    '{"custom_id": "\xc3\xa9", "input": [5]}',
  ];
  const path = join(folder, 'rows.jsonl');
  // Of a byte order mark the first line alone is free, also where a later one is the first of what is sent.
  const mark = '\xef\xbb\xbf';
  const filler = Array.from({ length: 1_021 }, () => '[1, 2, 3, 4]');
  writeFileSync(path, Buffer.from(`${mark}${[...lines, ...filler, mark, '[9, 2, 3, 4]'].join('\n')}`, 'latin1'));
  expect((await command('row_sum', path).exited).code).toBe(3);
  const found = written();
  expect(found).toHaveLength(1_026);
  expect(found.slice(0, 3).map(({ custom_id, error }) => [custom_id, error?.code])).toEqual([
    [undefined, undefined],
    [undefined, 'JSON_MALFORMED'],
    ['\u00e9', 'INPUT_INVALID'],
  ]);
  expect(found.slice(-2)).toMatchObject([{ error: { code: 'JSON_MALFORMED' } }, { output: [18] }]);
});

it('does not run again over the results of a run that has ended', async () => {
  const path = fileOf(['[1, 2, 3, 4]']);
  expect((await command('row_sum', path).exited).code).toBe(0);
  const results = readFileSync(out, 'utf8');
  const again = command('row_sum', path);
  expect((await again.exited).code).toBe(2);
  expect(again.log).toMatch(/out\.jsonl has \d+ bytes already/);
  expect(readFileSync(out, 'utf8')).toBe(results);
});

it('says what is wrong with its arguments, its input and its model', async () => {
  const cases: [string[], number, RegExp][] = [
    [['digits'], 2, /Usage/],
    [['digits', join(folder, 'nothing')], 1, /There is no file or folder/],
    [['nope', fileOf(['[1]'])], 1, /There is no model "nope"/],
  ];
  for (const [args, code, text] of cases) {
    const run = command(...args);
    expect((await run.exited).code).toBe(code);
    expect(run.log).toMatch(text);
  }
  // What came to nothing stands in nobody's way.
  expect((await command('row_sum', fileOf(['[1, 2, 3, 4]'])).exited).code).toBe(0);
});
