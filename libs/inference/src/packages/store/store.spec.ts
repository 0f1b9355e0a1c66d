/** The store shows whole packages alone, to any number of processes, and another store can be filled from it. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { folderOf } from '../../../../../test/fixtures/archives/good-archives.js';
import { fixtureModel } from '../../../../../test/fixtures/packages.js';
import { ingest } from '../ingest/ingest.js';
import { openPackage } from '../package.js';
import type { Announced } from './adopt.js';
import { digestOf } from './digest.js';
import { PackageStore } from './store.js';

const unknown = '0'.repeat(64);

describe('the store', () => {
  const top = mkdtempSync(join(tmpdir(), 'store-'));
  const files = {
    'model.onnx': readFileSync(join(fixtureModel('add'), 'model.onnx')),
    'samples/0.input.json': '{}',
  };
  const net = folderOf(top, 'net', files);
  let store: PackageStore;
  let digest: string;
  let count = 0;
  const another = (): Promise<PackageStore> => PackageStore.open(join(top, `another-${count++}`));

  beforeAll(async () => {
    store = await PackageStore.open(join(top, 'store'));
    ({ digest } = await ingest(store, { path: net }));
  });
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  it('tells what it holds', async () => {
    expect(await store.has(digest)).toBe(true);
    expect(await store.list()).toEqual([{ digest, name: 'net', version: '1' }]);
    expect(await openPackage((await store.path(digest))!)).toMatchObject({ checksum: digest });
    const stored = (await store.describe(digest))!;
    expect(digestOf(stored.files)).toBe(digest);
    expect(stored.files.map(({ name }) => name)).toEqual(['model.json', 'model.onnx', 'samples/0.input.json']);
  });

  it('gives the bytes of the files that a package lists, and of no others', async () => {
    const read = (await store.read(digest, 'model.onnx'))!;
    expect(await buffer(read.stream)).toEqual(files['model.onnx']);
    expect(read.size).toBe(files['model.onnx'].length);
    for (const file of ['', '.', '..', '../1/model.onnx', 'samples', 'samples/../model.onnx', '/etc/passwd', 'x']) {
      expect(await store.read(digest, file)).toBeUndefined();
    }
  });

  it.each(['', '..', '../store', unknown, unknown.toUpperCase()])('knows no package %j', async (other) => {
    expect(await store.has(other)).toBe(false);
    expect(await store.path(other)).toBeUndefined();
    expect(await store.describe(other)).toBeUndefined();
    expect(await store.read(other, 'model.onnx')).toBeUndefined();
    expect(await store.remove(other)).toBe(false);
  });

  it('forgets a package at once, under the eyes of who reads it', async () => {
    const other = await another();
    const taken = await ingest(other, { path: net });
    const { stream } = (await other.read(taken.digest, 'model.onnx'))!;
    expect(await other.remove(taken.digest)).toBe(true);
    expect(await other.list()).toEqual([]);
    expect(await buffer(stream)).toEqual(files['model.onnx']);
    expect(await other.remove(taken.digest)).toBe(false);
    expect((await ingest(other, { path: net })).digest).toBe(taken.digest);
  });

  it('keeps a package that came to be used while it was taken out', async () => {
    const other = await another();
    const taken = await ingest(other, { path: net });
    const seen: boolean[] = [];
    const isUsed = async (): Promise<boolean> => {
      seen.push(await other.has(taken.digest));
      return true;
    };
    expect(await other.remove(taken.digest, isUsed)).toBe(false);
    expect(seen).toEqual([false]);
    expect(await openPackage((await other.path(taken.digest))!)).toMatchObject({ checksum: taken.digest });
  });

  it('tells a package that was changed under its hands', async () => {
    const other = await another();
    const taken = await ingest(other, { path: net });
    const manifest = join((await other.path(taken.digest))!, 'model.json');
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('tensor', 'tensor '));
    await expect(other.describe(taken.digest)).rejects.toThrow(/model\.json: task|was changed or is damaged/);
  });

  it('sweeps what nobody has written to for an hour, and nothing else', async () => {
    const other = await another();
    const old = await other.stage();
    await old.makeFolder('unpacked');
    await other.stage();
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(join(old.folder, 'unpacked'), hoursAgo, hoursAgo);
    expect(await other.sweepStaging()).toBe(0);
    utimesSync(old.folder, hoursAgo, hoursAgo);
    expect(await other.sweepStaging()).toBe(1);
    expect(existsSync(old.folder)).toBe(false);
    expect(await other.sweepStaging(0)).toBe(1);
  });

  it('that is another’s to tidy is left as it is', async () => {
    const other = await another();
    const old = await other.stage();
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(old.folder, hoursAgo, hoursAgo);
    await PackageStore.open(join(old.folder, '..', '..'), { sweeps: false });
    expect(existsSync(old.folder)).toBe(true);
    await PackageStore.open(join(old.folder, '..', '..'));
    expect(existsSync(old.folder)).toBe(false);
  });

  describe('takes over a package from another', () => {
    let announced: Announced;
    let target: string;
    let other: PackageStore;
    const fetchFile = async (file: string): Promise<AsyncIterable<Uint8Array>> =>
      (await store.read(digest, file))!.stream;

    beforeEach(async () => {
      announced = (await store.describe(digest))!;
      target = join(top, `another-${count}`);
      other = await another();
    });
    afterEach(() => expect(readdirSync(join(target, 'staging'))).toEqual([]));

    it('whole', async () => {
      const folder = await other.adopt(announced, fetchFile);
      expect(await openPackage(folder)).toMatchObject({ checksum: digest });
      expect(await other.describe(digest)).toEqual(await store.describe(digest));
      const never = (): never => {
        throw new Error('fetched twice');
      };
      expect(await other.adopt(announced, never)).toBe(folder);
    });

    it('and by two hands at once', async () => {
      const folders = await Promise.all([other.adopt(announced, fetchFile), other.adopt(announced, fetchFile)]);
      expect(folders[0]).toBe(folders[1]);
    });

    it.each([
      ['other bytes', /model\.json came with 5 bytes and the sha256/, ['other']],
      ['more bytes', /came with more than the \d+ bytes/, ['x'.repeat(100_000)]],
      ['no bytes', /came with 0 bytes/, []],
    ])('but not with %s', async (_what, message, came) => {
      const garbage = (): Promise<AsyncIterable<Uint8Array>> =>
        Promise.resolve(
          (async function* () {
            for (const each of came) yield await Promise.resolve(Buffer.from(each));
          })(),
        );
      await expect(other.adopt(announced, garbage)).rejects.toMatchObject({
        code: 'PACKAGE_INVALID',
        message: expect.stringMatching(message),
      });
      expect(await other.has(digest)).toBe(false);
    });

    it('but not with bytes of the right number alone', async () => {
      const changed = async (file: string): Promise<AsyncIterable<Uint8Array>> => {
        const bytes = await buffer((await store.read(digest, file))!.stream);
        bytes[0]! ^= 1;
        return Readable.from([bytes]);
      };
      await expect(other.adopt(announced, changed)).rejects.toThrow(/model\.json came with \d+ bytes and the sha256/);
    });

    it.each<[string, (given: Announced) => Announced]>([
      ['another digest', (given) => ({ ...given, digest: unknown })],
      ['a name that leads out', (given) => renamed(given, '../escaped')],
      ['a name with a folder', (given) => renamed(given, 'a/b')],
      ['no files', (given) => ({ ...given, files: [] })],
      ['another name', (given) => ({ ...given, name: 'other' })],
      ['a name that is none', (given) => ({ ...given, name: '../x' })],
      ['a file twice', (given) => ({ ...given, files: [...given.files, given.files[0]!] })],
    ])('but not as %s', async (_what, change) => {
      await expect(other.adopt(change(announced), fetchFile)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
      expect(await other.list()).toEqual([]);
    });

    it('but not when fetching fails, or is stopped', async () => {
      const broken = (): Promise<never> => Promise.reject(new Error('the gateway is gone'));
      await expect(other.adopt(announced, broken)).rejects.toThrow('the gateway is gone');
      const stop = new AbortController();
      const stuck = (): Promise<AsyncIterable<Uint8Array>> =>
        Promise.resolve(
          (async function* () {
            stop.abort();
            yield await new Promise<Buffer>(() => undefined);
          })(),
        );
      await expect(other.adopt(announced, stuck, stop.signal)).rejects.toThrow(/abort/i);
    });
  });
});

/** The announcement with its first file called otherwise, and the digest that goes with it. */
function renamed(given: Announced, name: string): Announced {
  const files = given.files.map((file, i) => (i === 0 ? { ...file, name } : file));
  return { ...given, files, digest: digestOf(files) };
}
