/** Archives of any size pass in little memory, and bombs end when they have become what they may. */
import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pax, tarPart, TAR_END } from '../../../../../test/fixtures/archives/tar-bytes.js';
import { PackageStore } from '../store/store.js';
import { Meter } from './limits.js';
import { unpack } from './unpack.js';

const MIB = 1024 * 1024;
const SIZE = 160 * MIB;

describe('unpacking', () => {
  const top = mkdtempSync(join(tmpdir(), 'unpack-'));
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  /** A tar.gz of one file of SIZE bytes, made in pieces: 32 that do not shrink in every 1 024. */
  async function large(): Promise<string> {
    const path = join(top, 'large.tar.gz');
    const header = tarPart({ name: 'model.onnx', size: Buffer.from(`${SIZE.toString(8).padStart(11, '0')}\0`) });
    const bytes = function* (): Generator<Buffer> {
      yield header;
      for (let i = 0; i < SIZE / MIB; i++) {
        const piece = Buffer.alloc(MIB);
        for (let at = 0; at < MIB; at += 1024) createHash('sha256').update(`${i} ${at}`).digest().copy(piece, at);
        yield piece;
      }
      yield TAR_END;
    };
    await pipeline(Readable.from(bytes()), createGzip({ level: 1 }), createWriteStream(path));
    return path;
  }

  /** Bytes of buffers at the most while a tar of one file is unpacked, and what it held. */
  async function unpacked(path: string, kind: 'tar' | 'gzip'): Promise<{ most: number; size: number }> {
    const archive = await open(path);
    const store = await PackageStore.open(join(top, 'store'));
    const staging = await store.stage();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const look = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers - before)), 5);
    try {
      const { files } = await unpack(archive, staging, { kind, maxBytes: 2 * SIZE, signal: undefined });
      return { most, size: files.get('model.onnx')!.size };
    } finally {
      clearInterval(look);
      await archive.close();
      await staging.remove();
    }
  }

  it('takes as much memory for a large archive as for a small one', async () => {
    const { most, size } = await unpacked(await large(), 'gzip');
    expect(size).toBe(SIZE);
    // Buffers that nobody holds any more are still there until they are collected.
    expect(most).toBeLessThan(SIZE / 3);
  });

  it('keeps nothing of what stands behind the end of an archive', async () => {
    const path = join(top, 'tailed.tar');
    const bytes = function* (): Generator<Buffer> {
      yield tarPart({ name: 'model.onnx', data: 'x' });
      yield TAR_END;
      for (let i = 0; i < 64; i++) yield Buffer.alloc(MIB, i);
    };
    await pipeline(Readable.from(bytes()), createWriteStream(path));
    const { most, size } = await unpacked(path, 'tar');
    expect(size).toBe(1);
    expect(most).toBeLessThan(32 * MIB);
  });

  // Where time goes by the square of a header's length, each of these takes more than a second.
  it('reads headers full of NULs and of line ends as fast as any', async () => {
    const path = join(top, 'attributes.tar');
    const values = ['\0', '\n', '\n1'].map((filler) => `${filler.repeat(60_000).slice(0, 60_000)}x`);
    const headers = Array.from({ length: 60 }, (_, i) => tarPart(pax({ 'SCHILY.xattr.a': values[i % 3]! })));
    await writeFile(path, Buffer.concat([...headers, tarPart({ name: 'model.onnx', data: 'x' }), TAR_END]));
    expect((await unpacked(path, 'tar')).size).toBe(1);
  }, 15_000);

  it.each([
    ['bytes', { packed: 100 * MIB, maxBytes: 3 * MIB, entry: undefined, most: 3 }],
    ['times the size of the archive', { packed: 0.1 * MIB, maxBytes: 1000 * MIB, entry: undefined, most: 10 }],
    ['times the size of the entry', { packed: 100 * MIB, maxBytes: 1000 * MIB, entry: 0.01 * MIB, most: 2 }],
  ])('reads no more than so many %s', async (_what, { entry, most, ...limits }) => {
    let read = 0;
    const endless = async function* (): AsyncGenerator<Buffer> {
      for (;;) {
        read += 64 * 1024;
        yield await Promise.resolve(Buffer.alloc(64 * 1024));
      }
    };
    let passed = 0;
    const counting = async (): Promise<void> => {
      for await (const piece of new Meter(limits).count('entry', endless(), entry)) passed += piece.length;
    };
    await expect(counting()).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
    expect(passed).toBeLessThanOrEqual(most * MIB);
    expect(read).toBeLessThanOrEqual(most * MIB + 64 * 1024);
  });
});
