// Proves: `sluice model verify` tells without a server whether a package would be served, by the checks that a worker
// makes, for people as they are made and for programs as one report.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verificationReport } from '#inference';
import { fixtureModel } from '../fixtures/packages.js';
import { Child } from '../support/child.js';
import { sluice, type Ended } from '../support/sluice.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-verify-'));
const temporary = join(folder, 'tmp');
mkdirSync(temporary);
afterAll(() => rmSync(folder, { recursive: true }));

const env = { TMPDIR: temporary };
const verify = (...args: string[]): Promise<Ended> => sluice(['model', 'verify', ...args], { env });

/** Times and sizes are not what is compared. */
const plain = (text: string): string =>
  text
    .replace(/\d+(\.\d+)? ms/g, '# ms')
    .replace(/batch \d+/, 'batch #')
    .replace(/\d+(\.\d+)? (k|M)?B/, '# B');

it('prints each check, and what was measured', async () => {
  const { code, stdout, stderr } = await verify('models/digits');
  expect([code, stderr]).toEqual([0, '']);
  expect(plain(stdout)).toBe(
    `✓ files             # ms
✓ manifest          # ms
✓ model             # ms
✓ load              # ms
✓ warm-up           # ms
✓ batch-invariance  # ms
- samples           skipped
    The package has no samples (samples/samples.json).
✓ latency           # ms
✓ memory            # ms

latency  # ms a row + # ms a run, best at batch #
memory   # B

Passed (# ms).
`,
  );
});

it('passes with a warning what is served in its own way', async () => {
  const { code, stdout } = await verify(join(fixtureModel('row_filter'), 'model.onnx'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^! batch-invariance .*\n {4}The output "y" came with/m);
  expect(stdout).toMatch(/^rows {5}influence each other: it is served at batch 1$/m);
  expect(stdout).toMatch(/^Passed, with 1 warning /m);
});

it('gives programs the report, of an archive as well, and nothing else', async () => {
  const archive = join(folder, 'sum.zip');
  await sluice(['model', 'pack', fixtureModel('row_sum'), '-o', archive]);
  const { code, stdout, stderr } = await verify(archive, '--json');
  expect([code, stderr]).toEqual([0, '']);
  expect(verificationReport.parse(JSON.parse(stdout))).toMatchObject({ outcome: 'passed', rowsMix: false });
});

describe('what fails', () => {
  it('is exit code 1, and the checks behind it are not made', async () => {
    const { code, stdout } = await verify(fixtureModel('endless'), '--timeout', '6');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✗ warm-up .*\n {4}The verification was broken off after 6 s/m);
    expect(stdout).toMatch(/^Failed: 1 of 9 checks/m);
  });

  const wrong: [string, (package_: string) => void, string, RegExp][] = [
    ['a file too many', (path) => mkdirSync(join(path, 'src')), 'files', /"src" is a folder/],
    ['a wrong key', (path) => writeFileSync(join(path, 'model.json'), '{"tasks":1}'), 'manifest', /tasks is not a key/],
  ];
  it.each(wrong)('%s is a report too', async (...[name, spoil, check, message]) => {
    const path = join(folder, name.replaceAll(' ', '-'));
    cpSync(fixtureModel('row_sum'), path, { recursive: true });
    spoil(path);
    const { code, stdout } = await verify(path, '--json');
    expect(code).toBe(1);
    const report = verificationReport.parse(JSON.parse(stdout));
    expect(report.outcome).toBe('failed');
    expect(report.checks.filter(({ status }) => status !== 'skipped')).toEqual([
      { check, status: 'failed', message: expect.stringMatching(message), ms: expect.any(Number) },
    ]);
    expect((await verify(path)).stdout).toMatch(/^✗ /);
  });
});

it('stops by Ctrl-C, and takes its process with it', async () => {
  const child = new Child('dist/apps/cli/src/main.js', env, ['model', 'verify', fixtureModel('endless')]);
  await child.logged(/✓ load/);
  child.kill('SIGINT');
  expect(await child.exited).toEqual({ code: 130, signal: null });
  expect(child.log).toMatch(/Stopped\.\n$/);
});

it.each([
  [[], 2, /Usage:/],
  [['a', 'b'], 2, /Usage:/],
  [['a', '--timeout', '0'], 2, /--timeout is "0"/],
  [['nothing'], 1, /^There is no file or folder nothing/],
])('%j is exit code %i', async (args, code, text) => {
  const ended = await verify(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(text);
});

it('leaves nothing behind', () => {
  expect(readdirSync(temporary)).toEqual([]);
});
