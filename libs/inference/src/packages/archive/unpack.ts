/**
 * An archive into a staging folder.
 *
 * Invariant: no name from the archive reaches the file system while it is read: files are numbered, and get their names
 * when all of them are known and checked.
 */
import type { FileHandle } from 'node:fs/promises';
import { refusePackage } from '../refusal.js';
import type { StagedFile, Staging } from '../store/staging.js';
import type { ArchiveEntry } from './entry.js';
import type { Kind } from './kind.js';
import { layOut } from './layout.js';
import { Meter } from './limits.js';
import { tarEntries } from './tar.js';
import { zipEntries } from './zip.js';

const FOLDER = 'unpacked';
/** The pickle in every file of torch.save since 1.6. */
const TORCH = 'data.pkl';

export interface UnpackOptions {
  kind: Exclude<Kind, 'onnx' | 'ort'>;
  /** Bytes that may come out. */
  maxBytes: number;
  signal: AbortSignal | undefined;
}

export interface Unpacked {
  /** By their places in a package: see layout.ts. */
  files: Map<string, StagedFile>;
  /** The folders that were around everything. */
  root: string[];
  leftOut: string[];
}

/** @throws PACKAGE_INVALID, STORAGE_FULL, the signal's reason */
export async function unpack(archive: FileHandle, staging: Staging, options: UnpackOptions): Promise<Unpacked> {
  const { kind, maxBytes, signal } = options;
  const { size } = await archive.stat();
  const reading = { size, meter: new Meter({ packed: size, maxBytes }) };
  const entries: AsyncIterable<ArchiveEntry> =
    kind === 'zip' ? zipEntries(archive, reading) : tarEntries(archive, { ...reading, gzip: kind === 'gzip' });
  await staging.makeFolder(FOLDER);
  const paths: string[][] = [];
  const staged: StagedFile[] = [];
  for await (const { path, bytes } of entries) {
    signal?.throwIfAborted();
    staged.push(await staging.write(`${FOLDER}/${staged.length}`, bytes, { signal }));
    paths.push(path);
  }
  if (paths.some((path) => path.at(-1) === TORCH)) {
    throw refusePackage(
      `The file is what torch.save writes (it holds "${TORCH}"): weights or TorchScript, which Python alone can run. Convert it: sluice-export (docs/export.md).`,
    );
  }
  const { root, names, leftOut } = layOut(paths);
  const files = names.flatMap((name, i): [string, StagedFile][] => (name === undefined ? [] : [[name, staged[i]!]]));
  return { root, files: new Map(files), leftOut };
}
