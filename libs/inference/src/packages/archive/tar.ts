/**
 * The files of a tar, plain or gzipped. Source of the format: POSIX.1-2017, pax, "ustar Interchange Format".
 *
 * Invariant: only plain files come out; everything else that names one is refused.
 */
import type { FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { ReadEntry } from 'tar';
import { refusePackage, shownName } from '../refusal.js';
import { entryPath, isMetadata } from './entry-path.js';
import type { ArchiveEntry, ReadOptions } from './entry.js';
import { rangeOf, through } from './inflate.js';
import { CUT_SHORT, SPECIAL, TarPull } from './tar-pull.js';

const FILES = new Set(['File', 'OldFile', 'ContiguousFile']);

/** @throws PACKAGE_INVALID. `file` stays its owner's to close. */
export async function* tarEntries(
  file: FileHandle,
  options: ReadOptions & { gzip: boolean },
): AsyncGenerator<ArchiveEntry> {
  const { size, meter, gzip } = options;
  const packed = rangeOf(file, 0, size);
  const bytes = gzip ? gunzipped(packed) : packed;
  const archive = new TarPull(meter.count('', bytes), meter);
  try {
    for (let entry = await archive.next(); entry; entry = await archive.next()) {
      const path = pathOf(entry);
      const content = archive.content(entry);
      if (FILES.has(entry.type) && !isMetadata(path)) yield { path, bytes: content };
      // What nobody wanted has to pass all the same.
      while (!(await content.next()).done);
    }
  } finally {
    await archive.close();
  }
}

async function* gunzipped(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* through(packed, createGunzip());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw refusePackage(CUT_SHORT);
    if (code?.startsWith('Z_')) throw refusePackage('The archive is damaged: gzip cannot unpack it. Send it again.');
    throw error;
  }
}

function pathOf(entry: ReadEntry): string[] {
  const path = entryPath(entry.path);
  const special = SPECIAL[entry.type];
  if (special !== undefined) {
    throw refusePackage(
      `The archive's entry ${shownName(entry.path)} is ${special}; expected plain files. Put a copy of the file in its place.`,
    );
  }
  if (FILES.has(entry.type) && !Number.isSafeInteger(entry.header.size)) {
    throw refusePackage(`The archive's entry ${shownName(entry.path)} has no valid size. Pack the archive again.`);
  }
  return path;
}
