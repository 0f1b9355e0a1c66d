/**
 * From whatever a model comes as (an archive, a folder, a bare model file) to a finished package in the store.
 *
 * Invariants: nothing is written outside the store's staging folder, and nothing is left there, whatever happened; the
 * same files give the same package, however they came; a package is visible only when all of it was checked and is on
 * disk.
 */
import { MODEL_NAME, MODEL_VERSION } from '../../contract/model-description.js';
import { draftOfMar, MAR_MANIFEST } from '../mar/mar.js';
import { refusePackage, shownName } from '../refusal.js';
import type { PackageStore } from '../store/store.js';
import type { StoredPackage } from '../store/stored-package.js';
import { draftOf } from './draft.js';
import { finish } from './finish.js';
import { gather, type PackageSource } from './gather.js';

export type { PackageSource } from './gather.js';

export interface IngestOptions {
  /** Win over what the package says. */
  name?: string | undefined;
  version?: string | undefined;
  /** Largest package in bytes, as it comes and unpacked: SLUICE_MAX_PACKAGE_BYTES. */
  maxBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Ingested extends StoredPackage {
  /** What was assumed, changed or left out, a sentence each. */
  notes: string[];
}

const MAX_PACKAGE_BYTES = 2 * 1024 * 1024 * 1024;

/**
 * @throws PACKAGE_INVALID with what is wrong and what to do; STORAGE_FULL; the signal's reason; whatever the source of
 *   the bytes throws.
 */
export async function ingest(
  store: PackageStore,
  source: PackageSource,
  options: IngestOptions = {},
): Promise<Ingested> {
  checkAsked(options);
  const { maxBytes = MAX_PACKAGE_BYTES, signal } = options;
  const staging = await store.stage();
  try {
    const gathered = await gather(staging, source, { maxBytes, signal });
    const draft = await (gathered.files.has(MAR_MANIFEST) ? draftOfMar(staging, gathered) : draftOf(gathered));
    const finished = await finish(staging, draft, options);
    signal?.throwIfAborted();
    await store.publish(staging, finished);
    return { ...finished, notes: draft.notes };
  } catch (error) {
    // What an abort breaks is told by its reason, not by what broke.
    signal?.throwIfAborted();
    throw error;
  } finally {
    await staging.remove();
  }
}

function checkAsked({ name, version }: IngestOptions): void {
  if (name !== undefined && !MODEL_NAME.test(name)) {
    throw refusePackage(
      `The name ${shownName(name)} cannot be used; expected small letters, digits, ".", "_" and "-", 64 at most.`,
    );
  }
  if (version !== undefined && !MODEL_VERSION.test(version)) {
    throw refusePackage(
      `The version ${shownName(version)} cannot be used; expected letters, digits, ".", "_" and "-", 32 at most.`,
    );
  }
}
