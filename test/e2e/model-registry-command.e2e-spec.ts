// Proves: the commands about models and a real gateway understand each other: a package is added, verified, listed, named,
// refused and removed from a terminal, each with the exit code that scripts go by.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyLine, newApiKey } from '#inference';
import { UNKNOWN_OPERATOR } from '../fixtures/onnx-bytes.js';
import { fixtureModel } from '../fixtures/packages.js';
import { ModelsFolder } from '../support/models-folder.js';
import { sluice, type Ended } from '../support/sluice.js';
import { Stack } from '../support/stack.js';

const own = new ModelsFolder().fixtures('add');
const folder = mkdtempSync(join(tmpdir(), 'sluice-registry-'));
const storeDir = join(folder, 'store');
const keyFile = join(folder, 'keys');
const admin = newApiKey();
const caller = newApiKey();
let stack: Stack;

beforeAll(async () => {
  writeFileSync(keyFile, `${keyLine('ops', admin, ['admin'])}\n${keyLine('team', caller, ['predict'])}\n`);
  stack = await Stack.start({
    models: own.path,
    gatewayEnv: { SLUICE_STORE: storeDir, SLUICE_API_KEYS: keyFile },
    workerEnv: { SLUICE_STORE: storeDir },
  });
});
afterAll(async () => {
  await stack.close();
  own.remove();
  rmSync(folder, { recursive: true });
});

const run = (args: string[], key = admin): Promise<Ended> =>
  sluice(args, { env: { SLUICE_URL: stack.url, SLUICE_API_KEY: key } });
const model = (...args: string[]): Promise<Ended> => run(['model', ...args]);

it('adds a package, and the same again, which changes nothing', async () => {
  const first = await model('add', fixtureModel('row_sum'), '--name', 'sum');
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/^sum:1 is (available|loading|ready)\.$/m);
  const again = await model('add', fixtureModel('row_sum'), '--name', 'sum', '--json');
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ name: 'sum', version: '1' });
  expect((await model('add', fixtureModel('row_sum'), '--name', 'sum', '--version', '2', '--no-load')).code).toBe(0);
});

it('lists and shows what is there', async () => {
  const { stdout } = await model('list');
  expect(stdout).toMatch(/^add +1 +ready +1 +tensor/m);
  expect(stdout).toMatch(/^sum +1 +(available|loading|ready) /m);
  expect(stdout).toMatch(/^sum +2 +unloaded /m);
  expect(JSON.parse((await model('list', 'sum', '--json')).stdout)).toMatchObject({ name: 'sum', aliases: {} });
  const shown = (await model('show', 'sum', '1')).stdout;
  expect(shown).toMatch(/^source +upload, by ops, 2\d/m);
  expect(shown).toMatch(/^latency +.* a row \+ .* a run, best at batch \d+$/m);
  expect(shown).toMatch(/^✓ batch-invariance/m);
});

it('refuses other files under the same version, and tells why', async () => {
  const { code, stdout, stderr } = await model('add', fixtureModel('multi'), '--name', 'sum');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^VERSION_CONFLICT: Model "sum" version "1" is another package/m);
});

it('tells what a verification found, for people and for programs', async () => {
  const path = join(folder, 'broken.onnx');
  writeFileSync(path, UNKNOWN_OPERATOR);
  const { code, stdout, stderr } = await model('add', path);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^✗ load .*\n {4}onnxruntime cannot load/m);
  expect(stderr).toMatch(/^broken:1 failed: onnxruntime cannot load/m);
  const programs = await model('add', path, '--version', '2', '--json');
  expect(programs.code).toBe(1);
  expect(JSON.parse(programs.stdout)).toMatchObject({ name: 'broken', version: '2', state: 'failed' });
});

it('names versions, keeps those that are named, and removes them by force', async () => {
  expect((await model('alias', 'sum', 'stable', '1')).stdout).toBe('sum: stable is version 1.\n');
  expect((await model('default', 'sum', '1', '--force')).stdout).toBe('sum: version 1 is the default.\n');
  expect((await model('list', 'sum')).stdout).toMatch(/^sum +1 .* default, stable /m);
  for (const args of [
    ['rm', 'sum', '1'],
    ['unload', 'sum', '1'],
  ]) {
    const refused = await model(...args);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^STATE_CONFLICT: .* is named by the model's default/);
  }
  expect((await model('alias', 'sum', 'stable', '--remove')).code).toBe(0);
  expect((await model('rm', 'sum', '1', '--force')).stdout).toBe('sum:1 is removed.\n');
  expect((await model('rm', 'sum', '1')).stderr).toMatch(/^MODEL_NOT_FOUND: /);
});

it('swaps versions and goes back, each in one command', async () => {
  const answering = async (): Promise<string> => {
    const { stdout } = await run(['predict', 'net', '--input', '[1, 2, 3]'], caller);
    return (JSON.parse(stdout) as { version: string }).version;
  };
  const add = (version: string): Promise<Ended> =>
    model('add', fixtureModel('multi'), '--name', 'net', '--version', version, '--default');
  expect((await add('1')).stdout).toMatch(/^net:1 is ready, and the default\.$/m);
  expect(await answering()).toBe('1');
  expect((await add('2')).stdout).toMatch(/^net:2 is ready, and the default\.$/m);
  expect(await answering()).toBe('2');
  expect((await model('default', 'net', '1')).code).toBe(0);
  expect(await answering()).toBe('1');
  expect((await model('alias', 'net', 'canary', '2')).code).toBe(0);
  const canary = await run(['predict', 'net:canary', '--input', '[1, 2, 3]'], caller);
  expect(JSON.parse(canary.stdout)).toMatchObject({ version: '2' });
});

it('loads and unloads', async () => {
  expect((await model('load', 'sum', '2')).stdout).toBe('sum:2 is to be loaded.\n');
  expect((await model('unload', 'sum', '2')).stdout).toBe('sum:2 is to be unloaded.\n');
});

it('needs a key with the right scope, and shows none', async () => {
  const cases: [string, RegExp][] = [
    [caller, /^SCOPE_REQUIRED: /],
    ['', /^KEY_REQUIRED: /],
  ];
  for (const [key, text] of cases) {
    const ended = await run(['model', 'add', fixtureModel('multi'), '--no-wait'], key);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr.split('\n').at(-2)).toMatch(text);
    expect(ended.stderr).not.toMatch(/slk_\w/);
  }
  expect((await run(['model', 'list'], caller)).code).toBe(0);
  const { stdout } = await run(['predict', 'add', '--input', '{"a":[1,2,3],"b":[1,1,1]}'], caller);
  expect(JSON.parse(stdout)).toMatchObject({ output: [2, 3, 4] });
});
