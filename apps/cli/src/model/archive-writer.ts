/**
 * Archives of packages: .tar, .tar.gz and .zip.
 *
 * Invariants: the same files give the same bytes, whatever their dates, owners and modes are and in whatever order they
 * come; a file is read once and streamed; one that does not have the size it had is an error, never a wrong archive.
 */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Header, Pax } from 'tar';
import { ZipFile } from 'yazl';
import { CommandError, EXIT } from '../command.js';

export interface ArchiveFile {
  /** In the archive, with `/` between folders. */
  name: string;
  size: number;
  /** Its path, or its bytes. */
  from: string | Buffer;
}

/** Before anybody's files, and a date that every format can state. */
const MTIME = new Date(0);
const MODE = 0o644;
const BLOCK = 512;
/** Two empty blocks. */
const END = 2 * BLOCK;

/** Exactly the bytes that `tarOf` gives. */
export function tarSize(files: readonly ArchiveFile[]): number {
  return files.reduce((sum, file) => sum + headOf(file).length + padded(file.size), END);
}

export function tarOf(files: readonly ArchiveFile[]): Readable {
  return Readable.from(tarBytes(files), { objectMode: false });
}

/** `level` as zlib has it; 0 packs nothing. */
export function tarGzOf(files: readonly ArchiveFile[], level?: number): Readable {
  const source = tarOf(files);
  const gzip = createGzip(level === undefined ? {} : { level });
  source.on('error', (error) => gzip.destroy(error));
  gzip.on('close', () => source.destroy());
  return source.pipe(gzip);
}

/** Nothing in it is packed: weights hardly shrink. */
export function zipOf(files: readonly ArchiveFile[]): Readable {
  const zip = new ZipFile();
  const out = zip.outputStream as Readable;
  const how = { mtime: MTIME, mode: 0o100000 | MODE, compress: false };
  let current: Readable | undefined;
  out.once('close', () => current?.destroy());
  for (const file of sorted(files)) {
    zip.addReadStreamLazy(file.name, how, (done) => {
      current = Readable.from(contentOf(file), { objectMode: false });
      // It is piped, and a pipe passes no errors on.
      current.on('error', (error) => out.destroy(error));
      done(null, current);
    });
  }
  zip.end();
  return out;
}

async function* tarBytes(files: readonly ArchiveFile[]): AsyncGenerator<Buffer> {
  for (const file of sorted(files)) {
    yield headOf(file);
    yield* contentOf(file);
    yield Buffer.alloc(padded(file.size) - file.size);
  }
  yield Buffer.alloc(END);
}

/** With an extended header before it where the name or the size does not fit into the old one. */
function headOf({ name, size }: ArchiveFile): Buffer {
  const data = { path: name, mode: MODE, uid: 0, gid: 0, size, mtime: MTIME, type: 'File' as const };
  const header = new Header(data);
  const block = Buffer.alloc(BLOCK);
  if (!header.encode(block)) return block;
  return Buffer.concat([new Pax({ path: name, size }).encode(), block]);
}

async function* contentOf({ name, size, from }: ArchiveFile): AsyncGenerator<Buffer> {
  let came = 0;
  const pieces = typeof from === 'string' ? createReadStream(from) : [from];
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    came += piece.length;
    if (came > size) break;
    yield piece;
  }
  if (came === size) return;
  throw new CommandError(`${name} was changed while it was read. Try again when nobody writes to it.`, EXIT.failed);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** By code units, as the package's digest has it. */
function sorted(files: readonly ArchiveFile[]): ArchiveFile[] {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}
