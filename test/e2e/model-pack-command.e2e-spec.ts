// Proves: `sluice model pack` writes the package that a gateway would make of the same folder, to the same bytes each
// time, or nothing.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ingest, PackageStore } from '#inference';
import { fixtureModel } from '../fixtures/packages.js';
import { sluice, type Ended } from '../support/sluice.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'));
const temporary = join(folder, 'tmp');
mkdirSync(temporary);
afterAll(() => rmSync(folder, { recursive: true }));

const pack = (args: string[], cwd = folder): Promise<Ended> =>
  sluice(['model', 'pack', ...args], { cwd, env: { TMPDIR: temporary } });
const digits = join(process.cwd(), 'models/digits/1');
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

it.each(['.tar.gz', '.tar', '.zip'])('a %s is the package that the folder is', async (ending) => {
  const out = join(folder, `digits${ending}`);
  const { code, stdout, stderr } = await pack([digits, '-o', out, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  const told = JSON.parse(stdout) as Record<string, unknown>;
  const store = await PackageStore.open(join(folder, 'store'));
  const { notes, manifest, ...whole } = await ingest(store, { path: digits });
  expect(told).toEqual({ path: out, sha256: sha256(out), size: readFileSync(out).length, ...whole, notes });
  expect(Object.keys(manifest.files).sort()).toEqual(['labels.json', 'model.onnx', 'training.md']);
  const again = await ingest(store, { path: out });
  expect([again.digest, again.notes]).toEqual([whole.digest, []]);
});

it('has the same bytes for a copy with other dates and modes, and is called after the model', async () => {
  const copy = join(folder, 'copy');
  cpSync(digits, copy, { recursive: true });
  for (const file of readdirSync(copy)) {
    chmodSync(join(copy, file), 0o700);
    utimesSync(join(copy, file), 1, 1);
  }
  writeFileSync(join(copy, '.DS_Store'), 'metadata');
  const { stdout } = await pack([copy]);
  expect(stdout).toMatch(
    /^file {4}digits-1\.tar\.gz \(184 kB\)\nsha256 {2}[0-9a-f]{64}\nmodel {3}digits:1\nholds {3}4 files, 200 kB\n/,
  );
  expect(sha256(join(folder, 'digits-1.tar.gz'))).toBe(sha256(join(folder, 'digits.tar.gz')));
});

it('takes a bare model, under the name that is given, and says what it assumed', async () => {
  const ended = await pack([join(fixtureModel('row_sum'), 'model.onnx'), '--name', 'sum', '--version', '2']);
  expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^There is no model\.json/) });
  expect(existsSync(join(folder, 'sum-2.tar.gz'))).toBe(true);
});

it('packs what would shrink to nothing so that nobody takes it for a bomb', async () => {
  const sparse = join(folder, 'sparse');
  cpSync(fixtureModel('row_sum'), sparse, { recursive: true });
  writeFileSync(join(sparse, 'table.bin'), Buffer.alloc(4_000_000));
  for (const out of ['sparse.tar.gz', 'sparse.zip']) {
    expect((await pack([sparse, '-o', out])).code).toBe(0);
    const store = await PackageStore.open(join(folder, 'store'));
    await expect(ingest(store, { path: join(folder, out) })).resolves.toMatchObject({ name: 'sparse' });
  }
});

describe('what is refused', () => {
  const bad = join(folder, 'bad');
  const out = join(folder, 'bad.tar.gz');
  beforeEach(() => cpSync(digits, bad, { recursive: true }));
  afterEach(() => rmSync(bad, { recursive: true }));

  const spoil: [string, () => void, RegExp][] = [
    ['a link', () => symlinkSync('/etc/passwd', join(bad, 'x')), /"x" is a link/],
    ['a folder', () => mkdirSync(join(bad, 'x')), /"x" is a folder/],
    ['no model', () => rmSync(join(bad, 'model.onnx')), /model\.onnx/],
    ['a wrong model.json', () => writeFileSync(join(bad, 'model.json'), '{"task":"x"}'), /model\.json: task/],
    ['weights of PyTorch', () => cpSync(join(bad, 'model.onnx'), join(bad, 'a b:c.pt')), /a b:c\.pt/],
  ];
  it.each(spoil)('%s is exit code 1, and leaves no file', async (_, change, text) => {
    change();
    const ended = await pack([bad, '-o', out]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^PACKAGE_INVALID: /);
    expect(ended.stderr).toMatch(text);
    expect(readdirSync(folder).filter((name) => name.startsWith('bad.'))).toEqual([]);
  });
});

it.each([
  [[digits, '-o', 'x.rar'], 2, /\.tar\.gz, \.tar or \.zip was expected/],
  [[digits, '-o', 'no/such/folder.tar'], 1, /^no\/such\/folder\.tar cannot be written \(ENOENT\)\. Give -o a name/],
  [['nothing'], 1, /^There is no file or folder nothing/],
  [[], 2, /Usage:/],
])('%j is exit code %i', async (args, code, text) => {
  const ended = await pack(args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(text);
});

it('leaves nothing in the temporary folder', () => {
  expect(readdirSync(temporary)).toEqual([]);
});
