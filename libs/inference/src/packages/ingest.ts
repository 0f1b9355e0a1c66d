/**
 * From whatever a model comes as (an archive, a folder, a bare model file) to a finished package in the store.
 *
 * Invariants: nothing is written outside the store's staging folder, and staging is empty again afterwards, whatever
 * happened; a package is visible only when all of it was checked and is on disk.
 */
import type { PackageStore } from './store.js';
import type { StoredPackage } from './stored-package.js';

export type PackageSource =
  /** An archive or a model file as it is sent; `fileName` may give the package its name. */
  | { bytes: AsyncIterable<Uint8Array>; fileName?: string | undefined }
  /** An archive, a model file (weights in files beside it are taken along) or a folder. */
  | { path: string };

export interface IngestOptions {
  /** Win over what the package says. */
  name?: string | undefined;
  version?: string | undefined;
  /** Largest package, as it comes and unpacked. */
  maxBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Ingested extends StoredPackage {
  /** What was assumed, left out or changed, a sentence each. */
  notes: string[];
}

/**
 * @throws PACKAGE_INVALID with what is wrong and what to do; STORAGE_FULL; the signal's reason; whatever the source of
 *   the bytes throws.
 */
export async function ingest(
  store: PackageStore,
  source: PackageSource,
  options: IngestOptions = {},
): Promise<Ingested> {
  await store.list();
  throw new Error(`${Object.keys(source).join()} ${options.name}`);
}
