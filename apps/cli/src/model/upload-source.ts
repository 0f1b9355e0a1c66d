/**
 * What is uploaded for a path: an archive as it is; a folder or a bare model as the .tar of the package that it makes,
 * so that what a gateway would refuse is refused before a byte is sent.
 *
 * Invariant: how many bytes are sent is known before the first.
 */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { tarOf, tarSize } from './archive-writer.js';
import { filesOf, withScratchPackage, type ScratchOptions } from './scratch-store.js';

export interface UploadSource {
  type: string;
  length: number;
  fileName: string;
  /** What the gateway is to call it; undefined where the package says so itself. */
  name: string | undefined;
  version: string | undefined;
  /** What was assumed, a sentence each. */
  notes: readonly string[];
  body(): Readable;
}

/** By the first bytes. */
const ARCHIVES: [RegExp, string][] = [
  [/^PK\x03\x04/, 'application/zip'],
  [/^\x1f\x8b/, 'application/gzip'],
  [/^[^]{257}ustar/, 'application/x-tar'],
];
const SIGN_BYTES = 512;

/** @throws Error where there is no such file; SluiceError PACKAGE_INVALID; what `use` throws */
export async function withUploadSource<T>(
  path: string,
  options: ScratchOptions,
  use: (source: UploadSource) => Promise<T>,
): Promise<T> {
  const archive = await archiveAt(path);
  if (archive) {
    const { name, version } = options;
    return use({ ...archive, fileName: basename(path), name, version, notes: [], body: () => createReadStream(path) });
  }
  return withScratchPackage(path, options, (scratch) => {
    const files = filesOf(scratch);
    const { name, version, notes } = scratch.package;
    const fileName = `${name}-${version}.tar`;
    const says = { name: undefined, version: undefined, notes };
    return use({ ...says, type: 'application/x-tar', length: tarSize(files), fileName, body: () => tarOf(files) });
  });
}

async function archiveAt(path: string): Promise<{ type: string; length: number } | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile()) return undefined;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGN_BYTES), 0, SIGN_BYTES, 0);
    const head = buffer.toString('latin1', 0, bytesRead);
    const type = ARCHIVES.find(([sign]) => sign.test(head))?.[1];
    return type === undefined ? undefined : { type, length: stats.size };
  } finally {
    await file.close();
  }
}
