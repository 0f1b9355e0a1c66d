// Proves: `sluice batch run` writes over nothing that it did not write itself, and begins with no input that it cannot
// read whole. No gateway is here: whatever is refused is refused before one is asked.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sluice } from '../support/sluice.js';

const ROWS = '[1, 2, 3, 4]\n';
let folder: string;
let rows: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-batch-files-'));
  rows = join(folder, 'rows.jsonl');
  writeFileSync(rows, ROWS);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = { SLUICE_URL: 'http://127.0.0.1:1' };
const batch = (source: string, out: string, model = 'row_sum') =>
  sluice(['batch', 'run', model, source, '-o', out], { env });
const states = () => readdirSync(folder).filter((name) => name.includes('.state'));

it('refuses to write its results over its input, by whatever name', async () => {
  const linked = join(folder, 'linked.jsonl');
  const hard = join(folder, 'hard.jsonl');
  symlinkSync(rows, linked);
  linkSync(rows, hard);
  for (const out of [rows, `${folder}/./rows.jsonl`, linked, hard]) {
    const { code, stderr } = await batch(rows, out);
    expect(stderr).toMatch(/would replace .*rows\.jsonl, an input of this run/);
    expect(code).toBe(2);
  }
  expect(readFileSync(rows, 'utf8')).toBe(ROWS);
  expect(states()).toEqual([]);
});

it('refuses to write its results over its input also where a run was begun before', async () => {
  const begun = { v: 1, server: env.SLUICE_URL, model: 'row_sum', fingerprint: '', key: 'k', batch: 'b' };
  const state = JSON.stringify({ ...begun, written: 0, bytes: 0, failed: 0 });
  writeFileSync(`${rows}.state`, state);
  expect((await batch(rows, rows)).stderr).toContain('an input of this run');
  // Where a run stands is written, too.
  expect((await batch(`${rows}.state`, rows)).stderr).toMatch(/would replace .*rows\.jsonl\.state, an input/);
  expect(readFileSync(`${rows}.state`, 'utf8')).toBe(state);
  expect(readFileSync(rows, 'utf8')).toBe(ROWS);
});

it('refuses to write its results over a picture of its folder', async () => {
  const picture = join(folder, 'empty.png');
  writeFileSync(picture, '');
  const { code, stderr } = await batch(folder, picture);
  expect(stderr).toMatch(/would replace .*empty\.png, an input of this run/);
  expect(code).toBe(2);
  expect(states()).toEqual([]);
});

it('refuses to write over a file that no state says is its own', async () => {
  const out = join(folder, 'out.jsonl');
  writeFileSync(out, 'of somebody else');
  const { code, stderr } = await batch(rows, out);
  expect(code).toBe(2);
  expect(stderr).toMatch(/out\.jsonl has 16 bytes already.*Choose another name with -o, or remove it/);
  // A run that never began has written nothing.
  const unbegun = { v: 1, server: '', model: '', fingerprint: '', key: 'k', written: 0, bytes: 0, failed: 0 };
  writeFileSync(`${out}.state`, JSON.stringify(unbegun));
  expect((await batch(rows, out)).code).toBe(2);
  expect(readFileSync(out, 'utf8')).toBe('of somebody else');
  rmSync(`${out}.state`);
  expect(await batch(rows, folder)).toMatchObject({ code: 2, stderr: expect.stringContaining('is no file') as string });
  // An empty one is nobody's, as of mktemp.
  writeFileSync(out, '');
  expect((await batch(rows, out)).code).toBe(4);
});

it('refuses what can be read only once', async () => {
  const out = join(folder, 'out.jsonl');
  const pipe = join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const { code, stderr } = await batch(pipe, out);
  expect(code).toBe(1);
  expect(stderr).toMatch(/pipe is neither a file nor a folder/);
  const piped = await sluice(['batch', 'run', 'row_sum', '/dev/stdin', '-o', out], { env, stdin: ROWS });
  expect(piped).toMatchObject({ code: 1, stderr: expect.stringContaining('neither a file nor a folder') as string });
  expect(existsSync(`${out}.state`)).toBe(false);
});

it.each(['picture', 'link', 'folder'])('leaves out no %s whose name is not UTF-8', async (kind) => {
  const pictures = join(folder, 'pictures');
  mkdirSync(pictures);
  copyFileSync('examples/digits/seven.png', join(pictures, 'seven.png'));
  const odd = Buffer.from(`${pictures}/caf\xe9.png`, 'latin1');
  if (kind === 'picture') writeFileSync(odd, '');
  else if (kind === 'link') symlinkSync(join(pictures, 'seven.png'), odd);
  else mkdirSync(odd);
  const { code, stderr } = await batch(pictures, join(folder, 'out.jsonl'));
  expect(stderr).toMatch(/pictures\/caf\ufffd\.png cannot be read \(ENOENT\).*UTF-8/);
  expect(code).toBe(1);
});

it.each(['row_sum:1:2', 'row_sum:', ':1'])(
  'refuses the model %s, of which only a part would be asked',
  async (model) => {
    const out = join(folder, 'out.jsonl');
    const { code, stderr } = await batch(rows, out, model);
    expect(code).toBe(2);
    expect(stderr).toMatch(/is no (version|model's name)/);
    expect(existsSync(`${out}.state`)).toBe(false);
  },
);
