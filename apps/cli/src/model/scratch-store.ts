/**
 * A store that lasts as long as one command: what a package is, and whether it is one, is decided by the same code as in
 * a gateway.
 *
 * Invariant: the folder is gone when `use` has settled, however it did.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ingest, type Ingested } from '../../../../libs/inference/src/packages/ingest/ingest.js';
import { PackageStore } from '../../../../libs/inference/src/packages/store/store.js';
import type { ArchiveFile } from './archive-writer.js';

export interface ScratchPackage {
  package: Ingested;
  /** Its folder `<name>/<version>`. */
  folder: string;
}

export interface ScratchOptions {
  name?: string | undefined;
  version?: string | undefined;
  signal: AbortSignal;
}

/** @throws SluiceError PACKAGE_INVALID; what the signal throws; what `use` throws */
export async function withScratchPackage<T>(
  path: string,
  options: ScratchOptions,
  use: (scratch: ScratchPackage) => Promise<T>,
): Promise<T> {
  await checkThere(path);
  const root = await mkdtemp(join(tmpdir(), 'sluice-package-'));
  try {
    const store = await PackageStore.open(root);
    // The limit is the gateway's to set.
    const ingested = await ingest(store, { path }, { ...options, maxBytes: Infinity });
    return await use({ package: ingested, folder: (await store.path(ingested.digest))! });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** What an archive of it holds. */
export function filesOf({ package: { files }, folder }: ScratchPackage): ArchiveFile[] {
  return files.map(({ name, size }) => ({ name, size, from: join(folder, name) }));
}

/** @throws Error */
async function checkThere(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`There is no file or folder ${path}.`);
}
