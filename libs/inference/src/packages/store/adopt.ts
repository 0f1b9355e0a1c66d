/**
 * A package from another store, file by file, into staging.
 *
 * Invariants: nothing that was announced is believed before it was checked: names first, then the digest over the list,
 * then size and sha256 of each file as its bytes come, and last that model.json names this very package.
 */
import { z } from 'zod';
import { MODEL_NAME, MODEL_VERSION } from '../../contract/model-description.js';
import { PACKAGE_FILE, SAMPLES } from '../file-name.js';
import { refusePackage } from '../refusal.js';
import { digestOf, SHA256 } from './digest.js';
import type { Staging } from './staging.js';
import { describeFolder, MANIFEST } from './stored-package.js';

/** As in an archive; see archive/limits.ts. */
const MAX_FILES = 1_000;

/** What a store says of a package: the answer of `GET /v1/packages/{digest}`. */
export const announcedSchema = z.object({
  digest: z.string().regex(SHA256),
  name: z.string().regex(MODEL_NAME),
  version: z.string().regex(MODEL_VERSION),
  files: z
    .array(
      z.object({
        name: z.string().regex(PACKAGE_FILE),
        sha256: z.string().regex(SHA256),
        size: z.number().int().nonnegative(),
      }),
    )
    .min(1)
    .max(MAX_FILES),
});
export type Announced = z.infer<typeof announcedSchema>;

/** Streams one file of the package that is being fetched. */
export type FetchFile = (file: string, signal: AbortSignal | undefined) => Promise<AsyncIterable<Uint8Array>>;

export interface Adoption {
  announced: Announced;
  fetchFile: FetchFile;
  signal: AbortSignal | undefined;
}

/** @throws PACKAGE_INVALID, STORAGE_FULL; whatever `fetchFile` throws. */
export async function adoptInto(staging: Staging, { announced, fetchFile, signal }: Adoption): Promise<void> {
  const parsed = announcedSchema.safeParse(announced);
  if (!parsed.success) {
    const at = parsed.error.issues[0]!.path.join('.');
    throw refusePackage(
      `The announced package is malformed at "${at}". Gateway and worker may be of different versions.`,
    );
  }
  const { digest, name, version, files } = parsed.data;
  if (digestOf(files) !== digest || new Set(files.map((file) => file.name)).size !== files.length) {
    throw refusePackage(`The files announced for package ${digest} do not give this digest. Register it again.`);
  }
  const tree = staging.treeOf(name, version);
  const folder = await staging.makeFolder(...tree);
  if (files.some((file) => file.name.startsWith(`${SAMPLES}/`))) await staging.makeFolder(...tree, SAMPLES);
  for (const file of files) {
    const bytes = atMost(await fetchFile(file.name, signal), file);
    const came = await staging.write([...tree, file.name].join('/'), bytes, { signal });
    if (came.sha256 !== file.sha256 || came.size !== file.size) {
      throw refusePackage(
        `${file.name} came with ${came.size} bytes and the sha256 ${came.sha256}; expected ${file.size} bytes and ${file.sha256}. Fetch it again.`,
      );
    }
  }
  if (!files.some((file) => file.name === MANIFEST)) throw refusePackage(`Package ${digest} has no ${MANIFEST}.`);
  await describeFolder(folder, { digest, name, version }).catch(() => {
    throw refusePackage(`The ${MANIFEST} of package ${digest} does not describe its files. Register it again.`);
  });
}

async function* atMost(bytes: AsyncIterable<Uint8Array>, file: { name: string; size: number }) {
  let came = 0;
  for await (const piece of bytes) {
    came += piece.length;
    if (came > file.size) {
      throw refusePackage(
        `${file.name} came with more than the ${file.size} bytes that were announced. Fetch it again.`,
      );
    }
    yield piece;
  }
}
