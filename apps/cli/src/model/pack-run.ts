/**
 * A package into one file.
 *
 * Invariants: the file appears whole or not at all; a .tar.gz never shrinks so much that a gateway takes it for a bomb.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandError, EXIT, UsageError } from '../command.js';
import { tarGzOf, tarOf, zipOf, type ArchiveFile } from './archive-writer.js';
import { filesOf, type ScratchPackage } from './scratch-store.js';

export interface Packed {
  path: string;
  /** Of the file; a registration by URL asks for it. */
  sha256: string;
  size: number;
}

/** Gateways refuse what unpacks to more than 100 times its size; weights hardly shrink at all. */
const MOST_RATIO = 50;
const STORED = 0;

type Write = (files: readonly ArchiveFile[], level?: number) => Readable;
const WRITERS: [RegExp, Write][] = [
  [/\.(tar\.gz|tgz)$/i, tarGzOf],
  [/\.tar$/i, tarOf],
  [/\.zip$/i, zipOf],
];

/** @throws UsageError where the ending is of no archive; what the signal throws */
export function checkEnding(path: string): void {
  writerOf(path);
}

export async function packTo(path: string, scratch: ScratchPackage, signal: AbortSignal): Promise<Packed> {
  const files = filesOf(scratch);
  const write = writerOf(path);
  const packed = await writeTo(path, write(files), signal);
  if (scratch.package.bytes <= MOST_RATIO * packed.size) return packed;
  return writeTo(path, write(files, STORED), signal);
}

function writerOf(path: string): Write {
  const found = WRITERS.find(([ending]) => ending.test(path));
  if (found) return found[1];
  throw new UsageError(`-o is "${path}"; a name that ends in .tar.gz, .tar or .zip was expected.`);
}

async function writeTo(path: string, bytes: Readable, signal: AbortSignal): Promise<Packed> {
  const hash = createHash('sha256');
  let size = 0;
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      size += piece.length;
      done(null, piece);
    },
  });
  const unfinished = `${path}.new`;
  try {
    await pipeline(bytes, counted, createWriteStream(unfinished), { signal });
    await rename(unfinished, path);
  } catch (error) {
    const { code, path: failed } = error as NodeJS.ErrnoException;
    if (failed !== unfinished) throw error;
    throw new CommandError(
      `${path} cannot be written (${code}). Give -o a name in a folder that you may write to.`,
      EXIT.failed,
    );
  } finally {
    await rm(unfinished, { force: true });
  }
  return { path, sha256: hash.digest('hex'), size };
}
