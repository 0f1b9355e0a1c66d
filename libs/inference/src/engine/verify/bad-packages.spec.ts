/** Every fault of a package that is not its model's: files, manifest, labels, sizes, samples. */
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { verified } from '../../../../../test/fixtures/verified.js';
import type { PackageFile } from '../../contract/registration.js';
import type { Check } from '../../contract/verification.js';
import type { Verified, VerifyOptions } from '../../verification/verify-package.js';

const packages = new TemporaryPackages();
afterAll(() => packages.remove());

const MODEL = readFileSync(join(fixtureModel('add'), 'model.onnx'));
const PICTURES = readFileSync(join(fixtureModel('tiny_classifier'), 'model.onnx'));
const sum = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const file = (name: string, bytes: Buffer | string): PackageFile => ({
  name,
  sha256: sum(bytes),
  size: Buffer.byteLength(bytes),
});
const picture = { task: 'image-classification', image: { resize: { exact: [8, 8] }, scale: 1 } };
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function refuses(found: Verified, check: Check, says: RegExp): void {
  expect(found.report.outcome).toBe('failed');
  expect(found.report.checks.find(({ status }) => status === 'failed')).toMatchObject({
    check,
    message: expect.stringMatching(says),
  });
  expect(found.reason).not.toMatch(/\/tmp|\/work/);
}

describe('the files of a package', () => {
  const names = { missing: 0 };
  const folder = (more: Record<string, Buffer> = {}): string =>
    packages.make(`files-${names.missing++}`, { 'model.onnx': MODEL, ...more });
  const files = [file('model.onnx', MODEL)];

  it.each<[string, Partial<VerifyOptions>, RegExp]>([
    ['a missing file', { files: [...files, file('labels.json', '[]')] }, /^labels\.json is missing from the package/],
    ['another size', { files: [{ ...files[0]!, size: 7 }] }, /^model\.onnx has \d+ bytes, expected 7\./],
    [
      'other contents',
      { files: [{ ...files[0]!, sha256: sum('x') }] },
      /^model\.onnx is not the file that was described: its sha256 is [0-9a-f]{64}, expected/,
    ],
    ['another digest', { files, digest: sum('other') }, /^The files together have the digest [0-9a-f]{64}, expected/],
  ])('are refused with %s', async (_, options, says) => {
    refuses(await verified(folder(), options), 'files', says);
  });

  it('are refused with a file that nobody registered', async () => {
    const found = await verified(folder({ 'more.bin': Buffer.from('x') }), { files });
    refuses(found, 'files', /^more\.bin is in the package but was not registered/);
  });

  it('are refused where model.json states another sha256', async () => {
    const manifest = { files: { 'model.onnx': `sha256-${sum('x')}` } };
    const found = await verified(packages.make('stated', { 'model.onnx': MODEL }, manifest));
    refuses(found, 'files', /^model\.onnx is not the file that was described/);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/etc/hosts', path), /^more is a link or a folder; expected a plain file/],
    ['a hard link', (path: string) => linkSync(join(path, '../model.onnx'), path), /is hard-linked to another file/],
    ['a folder', (path: string) => mkdirSync(path), /^more is a link or a folder; expected a plain file/],
  ])('are refused with %s among them', async (_, make, says) => {
    const directory = folder();
    make(join(directory, 'more'));
    refuses(await verified(directory), 'files', says);
  });

  it('are refused where there is no folder', async () => {
    const directory = folder();
    rmSync(directory, { recursive: true });
    refuses(await verified(directory), 'files', /^The package has no folder that can be read/);
  });

  it('pass as they were registered, and the digest becomes the checksum', async () => {
    const digest = sum(`model.onnx\0${sum(MODEL)}\n`);
    const { passed } = await verified(folder(), { files, digest });
    expect(passed?.description.checksum).toBe(digest);
  });
});

describe('what a package says of its model', () => {
  const faults: { name: string; files?: Record<string, Buffer>; manifest?: object; check: Check; says: RegExp }[] = [
    {
      name: 'broken',
      files: { 'model.onnx': MODEL, 'model.json': Buffer.from('{"name":') },
      check: 'manifest',
      says: /^model\.json is not JSON/,
    },
    {
      name: 'misspelt',
      manifest: { labels: 'x' },
      check: 'manifest',
      says: /^model\.json: labels is not a key that is known here/,
    },
    {
      name: 'renamed',
      manifest: { name: 'other' },
      check: 'manifest',
      says: /^model\.json: name: came "other", expected "renamed"/,
    },
    {
      name: 'typed',
      manifest: { batching: { maxBatchSize: 'many' } },
      check: 'manifest',
      says: /batching\.maxBatchSize: came "many", expected/,
    },
    {
      name: 'labelled',
      files: { 'model.onnx': PICTURES, 'labels.json': json(['a', 'b']) },
      manifest: { ...picture, output: { labels: 'labels.json' } },
      check: 'load',
      says: /output\.labels: the file has 2 labels, expected 3/,
    },
    {
      name: 'sized',
      files: { 'model.onnx': PICTURES },
      manifest: { ...picture, image: { resize: { exact: [9, 9] } } },
      check: 'load',
      says: /image\.resize and image\.crop give \[\?,3,9,9\]; the model's input is \[\?,3,8,8\]/,
    },
    {
      name: 'ort',
      files: { 'model.ort': Buffer.from('no flatbuffer') },
      check: 'model',
      says: /^model\.ort is not in the ORT format/,
    },
    {
      name: 'modelless',
      files: { 'labels.json': json([]) },
      check: 'model',
      says: /^The package has no model file/,
    },
  ];

  it.each(faults)('$name: is refused', async ({ name, files = { 'model.onnx': MODEL }, manifest, check, says }) => {
    refuses(await verified(packages.make(name, files, manifest)), check, says);
  });
});

describe('the samples of a package', () => {
  const good = { input: '0.input.json', contentType: 'application/json', output: '0.output.json', tolerance: 1e-6 };
  const sampled = (name: string, list: unknown, more: Record<string, unknown> = {}): string => {
    const directory = packages.make(name, { 'model.onnx': MODEL });
    mkdirSync(join(directory, 'samples'));
    const files = {
      'samples.json': list,
      '0.input.json': { input: { a: [1, 2, 3], b: [10, 20, 30] } },
      '0.output.json': { output: [11, 22, 33] },
      ...more,
    };
    for (const [each, value] of Object.entries(files))
      writeFileSync(join(directory, 'samples', each), JSON.stringify(value));
    return directory;
  };

  it('pass with the answers that the service gives', async () => {
    const { report } = await verified(sampled('golden', { samples: [good] }));
    expect(report.checks.find(({ check }) => check === 'samples')).toMatchObject({ status: 'passed' });
  });

  const faults: { name: string; list?: unknown; more?: Record<string, unknown>; says: RegExp }[] = [
    {
      name: 'wrong',
      more: { '0.output.json': { output: [11, 22, 34] } },
      says: /^The answer to samples\/0\.input\.json is not the expected one within 0\.000001: output\[2\] came as 33, expected 34\./,
    },
    {
      name: 'listless',
      list: { sample: [] },
      says: /^samples\/samples\.json: samples: .* Expected \{"samples": \[/,
    },
    {
      name: 'elsewhere',
      list: { samples: [{ ...good, input: '../model.onnx' }] },
      says: /^samples\/samples\.json: samples\.0\.input: /,
    },
    {
      name: 'absent',
      list: { samples: [{ ...good, output: '1.json' }] },
      says: /^samples\/1\.json is not in the package/,
    },
    {
      name: 'misshapen',
      more: { '0.input.json': { input: { a: [1, 2], b: [1, 2, 3] } } },
      says: /^samples\/0\.input\.json: input is an array of 2 values; an array of 3 values was expected/,
    },
  ];

  it.each(faults)('$name: are refused', async ({ name, list = { samples: [good] }, more = {}, says }) => {
    refuses(await verified(sampled(name, list, more)), 'samples', says);
  });
});
