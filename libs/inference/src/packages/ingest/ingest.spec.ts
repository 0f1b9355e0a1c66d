/** However a package comes, the same files are the same package, which a worker can open. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { folderOf, pieces, tarred, zipped, type Files } from '../../../../../test/fixtures/archives/good-archives.js';
import { marOf } from '../../../../../test/fixtures/archives/bad-mars.js';
import { fixtureModel, sharedData } from '../../../../../test/fixtures/packages.js';
import { pax, tarOf } from '../../../../../test/fixtures/archives/tar-bytes.js';
import { zipOf } from '../../../../../test/fixtures/archives/zip-bytes.js';
import { ingest, type Ingested } from './ingest.js';
import { openPackage } from '../package.js';
import { PackageStore } from '../store/store.js';

const add = readFileSync(join(fixtureModel('add'), 'model.onnx'));

describe('a package', () => {
  const top = mkdtempSync(join(tmpdir(), 'ingest-'));
  let store: PackageStore;
  let count = 0;
  const place = (): string => folderOf(top, `at-${count++}`, { '.keep': '' });

  beforeAll(async () => {
    store = await PackageStore.open(join(top, 'store'));
  });
  afterEach(() => expect(readdirSync(join(top, 'store/staging'))).toEqual([]));
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  /** As a folder, and as every kind of archive, from a file and as a stream. */
  async function everyForm(name: string, files: Files): Promise<string[]> {
    const at = place();
    const folder = folderOf(at, name, files);
    const sources = [
      await zipped(join(at, `${name}.zip`), files),
      await zipped(join(at, 'rooted.zip'), files, `${name}/3/`),
      await tarred(join(at, 'rooted.tar.gz'), { folder, gzip: true }),
      await tarred(join(at, 'rooted.tar'), { folder, gzip: false }),
    ];
    const digests: string[] = [];
    for (const source of [folder, ...sources]) {
      digests.push((await ingest(store, { path: source }, { version: '3' })).digest);
    }
    for (const source of sources) {
      const upload = { bytes: pieces(source), fileName: `${name}.zip` };
      digests.push((await ingest(store, upload, { version: '3' })).digest);
    }
    return digests;
  }

  it.each([
    ['mnist', { image: { color: 'GRAY', scale: 1 } }],
    [
      'squeezenet',
      { image: { color: 'BGR', scale: 1, mean: [104, 117, 123] }, output: { labels: 'index_to_name.json' } },
    ],
  ])('of real files, %s, is one package in every form', async (name, said) => {
    const model = sharedData(`models/${name}/model.onnx`);
    if (model === undefined) return;
    const files: Files = {
      'model.onnx': readFileSync(model),
      'model.json': JSON.stringify({ task: 'image-classification', ...said }),
    };
    if (name === 'squeezenet') files['index_to_name.json'] = readFileSync(join(model, '../index_to_name.json'));
    const digests = await everyForm(name, files);
    const mar = marOf(
      { modelName: name, serializedFile: 'model.onnx', handler: 'image_classifier' },
      Object.entries(files).map(([file, data]) => ({ name: file, data })),
    );
    digests.push((await ingest(store, { bytes: Readable.from([mar]) }, { version: '3' })).digest);
    expect(digests).toEqual(digests.map(() => digests[0]));
    const opened = await openPackage((await store.path(digests[0]!))!);
    expect(opened).toMatchObject({ checksum: digests[0], manifest: { name, version: '3' } });
    expect(opened.labels?.length).toBe(name === 'squeezenet' ? 1000 : undefined);
  });

  it('of any files is one package, zipped, tarred or in a folder', async () => {
    const name = fc.stringMatching(/^[a-zé][a-z0-9é_ -]{0,30}[a-z]$/).map((text) => `x${text.normalize('NFC')}`);
    const path = fc.oneof(
      name,
      name.map((each) => `samples/${each}`),
    );
    const others = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 3000 })), {
      selector: ([each]) => each,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(others, async (drawn) => {
        const files: Files = { 'model.onnx': add };
        for (const [each, content] of drawn) files[each] = Buffer.from(content);
        const at = place();
        const folder = folderOf(at, 'any', files);
        const zip = await zipped(join(at, 'any.zip'), files);
        const tar = await tarred(join(at, 'any.tar.gz'), { folder, gzip: true });
        const taken: Ingested[] = [];
        for (const source of [folder, zip, tar]) taken.push(await ingest(store, { path: source }));
        expect(new Set(taken.map(({ digest }) => digest)).size).toBe(1);
        expect(taken[0]!.files.map((each) => each.name)).toEqual([...Object.keys(files), 'model.json'].sort());
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ['macOS', 'SCHILY.xattr.com.apple.provenance', [1, 2, 0, 0x9a, 0x0a, 0, 0xee, 0x0a, 0x31, 0x20, 0]],
    ['SELinux', 'RHT.security.selinux', [0x73, 0x30, 0]],
  ])('packed by tar on %s, with its attributes, is one like any other', async (_system, key, bytes) => {
    const attributes = pax({ mtime: '1.5', [key]: Buffer.from(bytes), 'LIBARCHIVE.xattr.x': 'AQIA' });
    const archive = tarOf([attributes, { name: 'model.onnx', data: add }]);
    const upload = { bytes: Readable.from([archive]), fileName: 'net.tar' };
    expect((await ingest(store, upload)).files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx']);
  });

  it('zipped by PowerShell on Windows, which separates folders by backslashes, is one like any other', async () => {
    const files = ['model.onnx', 'samples\\samples.json'].map((name) => ({
      name,
      data: name === 'model.onnx' ? add : '',
    }));
    const folders = ['net\\', 'net\\2\\', 'net\\2\\samples\\'].map((name) => ({ name }));
    const parts = [...folders, ...files.map(({ name, data }) => ({ name: `net\\2\\${name}`, data }))];
    const bytes = Readable.from([zipOf(parts.map((part) => ({ ...part, madeBy: 0, mode: 0 })))]);
    const taken = await ingest(store, { bytes });
    expect([taken.name, taken.version]).toEqual(['net', '2']);
    expect(taken.files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx', 'samples/samples.json']);
  });

  it('has a complete model.json, and files that anybody may read and nobody run', async () => {
    const folder = folderOf(place(), 'net', { 'model.onnx': add, 'samples/samples.json': '{}' });
    const { digest, files, bytes, notes } = await ingest(store, { path: folder });
    const stored = (await store.path(digest))!;
    const sums = Object.fromEntries(
      files.filter((each) => each.name !== 'model.json').map((each) => [each.name, `sha256-${each.sha256}`]),
    );
    expect(JSON.parse(readFileSync(join(stored, 'model.json'), 'utf8'))).toMatchObject({
      name: 'net',
      version: '1',
      task: 'tensor',
      batching: { maxBatchSize: 32 },
      files: sums,
    });
    expect(Object.keys(sums)).toEqual(['model.onnx', 'samples/samples.json']);
    expect(files.map(({ name, size }) => [name, size])).toEqual(
      files.map(({ name }) => [name, statSync(join(stored, name)).size]),
    );
    expect(bytes).toBe(files.reduce((sum, { size }) => sum + size, 0));
    expect(files.map(({ name }) => (statSync(join(stored, name)).mode & 0o7777).toString(8))).toEqual(
      files.map(() => '644'),
    );
    expect(notes).toEqual([expect.stringMatching(/no model\.json: the model takes and gives tensors/)]);
    // What was taken once is taken again as it is.
    expect((await ingest(store, { path: stored })).digest).toBe(digest);
  });

  it.each([
    ['what is asked for', { name: 'asked', version: '9' }, { name: 'asked', version: '9' }],
    ['model.json', {}, { name: 'said', version: '7' }],
  ])('is called after %s first', async (_what, asked, called) => {
    const said = JSON.stringify({ name: 'said', version: '7' });
    const path = await zipped(join(place(), 'file.zip'), { 'model.onnx': add, 'model.json': said }, 'root/5/');
    expect(await ingest(store, { path }, asked)).toMatchObject(called);
  });

  it.each([
    ['My Net.zip', '', 'my-net:1'],
    ['C:\\nets\\net.zip', '', 'net:1'],
    ['file.zip', 'root/', 'root:1'],
    ['file.zip', 'root/v5/', 'root:v5'],
    ['file.zip', '5/', 'file:5'],
  ])('without a name of its own, as %s with "%s" around, is %s', async (fileName, root, called) => {
    const path = await zipped(join(place(), 'x.zip'), { 'model.onnx': add }, root);
    const { name, version } = await ingest(store, { bytes: pieces(path), fileName });
    expect(`${name}:${version}`).toBe(called);
  });

  it('that nothing names is refused', async () => {
    const path = await zipped(join(place(), 'x.zip'), { 'model.onnx': add });
    await expect(ingest(store, { bytes: pieces(path) })).rejects.toThrow(/Nothing says how the model is called/);
    await expect(ingest(store, { path }, { name: 'Ä' })).rejects.toThrow(/The name "Ä" cannot be used/);
    await expect(ingest(store, { path }, { version: '' })).rejects.toThrow(/The version "" cannot be used/);
  });

  it('may be a model alone, with its weights beside it', async () => {
    const path = join(fixtureModel('external_weights'), 'model.onnx');
    const { files, name } = await ingest(store, { path });
    expect([name, ...files.map((each) => each.name)]).toEqual(['1', 'model.json', 'model.onnx', 'model.onnx.data']);
    await expect(ingest(store, { bytes: pieces(path), fileName: 'net.onnx' })).rejects.toThrow(
      /weights in model\.onnx\.data, which is missing from the package/,
    );
    const bare = await ingest(store, { bytes: pieces(join(fixtureModel('add'), 'model.onnx')), fileName: 'net.onnx' });
    expect([bare.name, ...bare.files.map((each) => each.name)]).toEqual(['net', 'model.json', 'model.onnx']);
  });

  it('in a folder holds plain files alone, and what is hidden is left out', async () => {
    const folder = folderOf(place(), 'net', { 'model.onnx': add, '.gitattributes': '', '__MACOSX/x': '' });
    expect((await ingest(store, { path: folder })).files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx']);
    symlinkSync('/etc/hostname', join(folder, 'labels.json'));
    await expect(ingest(store, { path: folder })).rejects.toThrow(/"labels\.json" is a link; expected plain files/);
    const nested = folderOf(place(), 'net', { 'model.onnx': add, 'more/x': '' });
    await expect(ingest(store, { path: nested })).rejects.toThrow(/"more" is a folder; expected plain files/);
    const empty = folderOf(place(), 'net', { '.hidden': '' });
    await expect(ingest(store, { path: empty })).rejects.toThrow(/The folder holds no files/);
  });

  it('leaves out what systems put into archives', async () => {
    const extra = { '__MACOSX/._model.onnx': 'x', '.DS_Store': 'x', 'Thumbs.db': 'x' };
    const path = await zipped(join(place(), 'net.zip'), { 'model.onnx': add, ...extra });
    expect((await ingest(store, { path })).files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx']);
  });

  it('comes from two senders at once, and is there once', async () => {
    const path = await zipped(join(place(), 'twice.zip'), { 'model.onnx': add });
    const both = await Promise.all([1, 2].map(() => ingest(store, { bytes: pieces(path, 7), fileName: 'twice.zip' })));
    expect(both[0]!.digest).toBe(both[1]!.digest);
    expect((await store.list()).filter(({ name }) => name === 'twice')).toHaveLength(1);
  });

  it('of which the sender stops, or is stopped, leaves nothing', async () => {
    const path = await zipped(join(place(), 'net.zip'), { 'model.onnx': add });
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield readFileSync(path).subarray(0, 50);
      await Promise.reject(Object.assign(new Error('the line broke'), { code: 'ECONNRESET' }));
    };
    await expect(ingest(store, { bytes: broken() }, { name: 'net' })).rejects.toThrow('the line broke');
    const gone = new AbortController();
    const stuck = async function* (): AsyncGenerator<Buffer> {
      yield readFileSync(path).subarray(0, 50);
      gone.abort(new Error('the caller hung up'));
      await new Promise(() => undefined);
    };
    await expect(ingest(store, { bytes: stuck() }, { name: 'net', signal: gone.signal })).rejects.toThrow(
      'the caller hung up',
    );
    await expect(ingest(store, { path }, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  it('is refused above its limit, and above what the store may hold', async () => {
    const path = await zipped(join(place(), 'net.zip'), { 'model.onnx': add });
    await expect(ingest(store, { bytes: pieces(path) }, { name: 'net', maxBytes: 100 })).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
      message: expect.stringMatching(/more than 100 bytes/),
    });
    await expect(ingest(store, { path: fixtureModel('add') }, { name: 'net', maxBytes: 50 })).rejects.toThrow(
      /more than 50 bytes/,
    );
    const small = await PackageStore.open(join(top, 'small'), { maxBytes: 700 });
    const full = { code: 'STORAGE_FULL', message: expect.stringMatching(/SLUICE_STORE_MAX_BYTES/) };
    await ingest(small, { path: fixtureModel('add') }, { name: 'net' });
    await expect(ingest(small, { path: fixtureModel('multi') }, { name: 'net' })).rejects.toMatchObject(full);
    expect(readdirSync(join(top, 'small/staging'))).toEqual([]);
    const tiny = await PackageStore.open(join(top, 'small'), { maxBytes: 10 });
    await expect(ingest(tiny, { path })).rejects.toMatchObject(full);
  });

  it('is refused when others filled the store while it came', async () => {
    const path = await zipped(join(place(), 'x.zip'), { 'model.onnx': add });
    const small = await PackageStore.open(join(top, 'filled'), { maxBytes: 1100 });
    // Each has room when it begins; their uploads, and what comes out of them, are less than there may be in all.
    const both = await Promise.allSettled(['one', 'two', 'three'].map((name) => ingest(small, { path }, { name })));
    const stored = await Promise.all((await small.list()).map(({ digest }) => small.describe(digest)));
    expect(stored.reduce((sum, each) => sum + each!.bytes, 0)).toBeLessThanOrEqual(1100);
    const refused = both.filter(({ status }) => status === 'rejected');
    expect(refused.map((each) => (each as PromiseRejectedResult).reason.code)).toContain('STORAGE_FULL');
  });

  it('holds no two files that are one on other systems, the model.json that it is given among them', async () => {
    const path = await zipped(join(place(), 'net.zip'), { 'model.onnx': add, 'MODEL.JSON': '{}' });
    await expect(ingest(store, { path })).rejects.toThrow(/"MODEL\.JSON" and "model\.json", which are one name/);
    await expect(ingest(store, { path: join(top, 'nowhere.zip') })).rejects.toThrow(/"nowhere\.zip" is not there/);
  });

  it('of TorchServe with a model.json of its own is what that says', async () => {
    const said = JSON.stringify({ task: 'tensor', batching: { maxBatchSize: 3 } });
    const mar = marOf({ modelName: 'Net', modelVersion: '1.0', serializedFile: 'net.onnx', handler: 'handler.py' }, [
      { name: 'net.onnx', data: add },
      { name: 'handler.py', data: 'import os' },
      { name: 'model.json', data: said },
    ]);
    const taken = await ingest(store, { bytes: Readable.from([mar]) });
    expect(taken).toMatchObject({ name: 'net', version: '1.0', manifest: { batching: { maxBatchSize: 3 } } });
    expect(taken.files.map(({ name }) => name)).toEqual(['model.json', 'net.onnx']);
    expect(taken.notes).toEqual([
      'The model is called "net" here, not "Net".',
      "The archive's model.json was used; its handler was not looked at.",
      'Left out, as the package does not need it: handler.py.',
    ]);
  });
});
