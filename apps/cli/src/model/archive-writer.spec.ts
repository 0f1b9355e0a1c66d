/** Archives of packages, read back by others' readers. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { openPromise } from 'yauzl';
import { tarGzOf, tarOf, tarSize, zipOf, type ArchiveFile } from './archive-writer.js';

const folder = mkdtempSync(join(tmpdir(), 'archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LONG = `${'l'.repeat(150)}.json`;
const contents: Record<string, Buffer> = {
  'model.onnx': Buffer.alloc(100_000, 'weights'),
  'labels é.json': Buffer.from('["a"]'),
  'samples/1.json': Buffer.from('{}'),
  [LONG]: Buffer.alloc(512),
  empty: Buffer.alloc(0),
};

function files(names = Object.keys(contents)): ArchiveFile[] {
  return names.map((name) => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, contents[name]!);
    return { name, size: contents[name]!.length, from: path };
  });
}

const WRITERS: [string, (files: readonly ArchiveFile[]) => Readable, (archive: string, to: string) => unknown][] = [
  ['.tar', tarOf, (archive, to) => execFileSync('tar', ['-xf', archive, '-C', to])],
  ['.tar.gz', tarGzOf, (archive, to) => execFileSync('tar', ['-xzf', archive, '-C', to])],
  ['.zip', zipOf, unzip],
];

describe.each(WRITERS)('a %s', (ending, write, extract) => {
  it('holds every file as it is', async () => {
    const archive = join(folder, `out${ending}`);
    const to = join(folder, `out${ending}.d`);
    mkdirSync(to);
    writeFileSync(archive, await buffer(write(files())));
    await extract(archive, to);
    for (const [name, content] of Object.entries(contents)) expect(readFileSync(join(to, name))).toEqual(content);
  });

  it('has the same bytes for the same files, whatever their order, dates and modes are', async () => {
    const first = await buffer(write(files()));
    const others = files().reverse();
    for (const { from } of others) {
      chmodSync(from, 0o755);
      utimesSync(from, 1_000_000_000, 1_000_000_000);
    }
    expect(sha256(await buffer(write(others)))).toBe(sha256(first));
  });

  it('takes bytes for a file, and fails where a file has another size', async () => {
    const bytes = Buffer.from('in memory');
    const made = await buffer(write([{ name: 'a', size: bytes.length, from: bytes }]));
    expect(made.length).toBeGreaterThan(bytes.length);
    for (const size of [99_999, 100_001]) {
      const [wrong] = files(['model.onnx']).map((file) => ({ ...file, size }));
      await expect(buffer(write([wrong!]))).rejects.toThrow('model.onnx was changed while it was read');
    }
  });

  it('fails where a file is gone', async () => {
    const gone = write([{ name: 'gone', size: 1, from: join(folder, 'gone') }]);
    await expect(buffer(gone)).rejects.toThrow(/ENOENT/);
  });
});

it('knows how long a .tar will be', async () => {
  expect(tarSize(files())).toBe((await buffer(tarOf(files()))).length);
});

async function unzip(archive: string, to: string): Promise<void> {
  const zip = await openPromise(archive);
  for await (const entry of zip.eachEntry()) {
    mkdirSync(join(to, entry.fileName, '..'), { recursive: true });
    writeFileSync(join(to, entry.fileName), await buffer(await zip.openReadStreamPromise(entry)));
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
