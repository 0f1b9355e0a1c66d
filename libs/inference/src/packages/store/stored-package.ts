/**
 * What a package in the store says of itself: the list of its files, by which another store can fetch it.
 *
 * Invariant: the list is the one that its digest was made of; a folder that says anything else is damaged.
 */
import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest, type Manifest } from '../manifest.js';
import { digestOf, type PackageFile } from './digest.js';

export const MANIFEST = 'model.json';

export interface StoredPackage {
  digest: string;
  name: string;
  version: string;
  manifest: Manifest;
  /** All files, model.json included, sorted by name. */
  files: PackageFile[];
  /** Of all files. */
  bytes: number;
}

/** @throws Error when the folder is not the package that `named` says. */
export async function describeFolder(
  folder: string,
  named: Pick<StoredPackage, 'digest' | 'name' | 'version'>,
): Promise<StoredPackage> {
  const text = await readFile(join(folder, MANIFEST));
  const manifest = parseManifest(JSON.parse(text.toString('utf8')));
  const sums = Object.entries(manifest.files).map(([name, sum]) => ({ name, sha256: sum.slice('sha256-'.length) }));
  sums.push({ name: MANIFEST, sha256: createHash('sha256').update(text).digest('hex') });
  if (manifest.name !== named.name || manifest.version !== named.version || digestOf(sums) !== named.digest) {
    throw new Error(`The stored package ${named.digest} was changed or is damaged. Remove it, and register it again.`);
  }
  const files: PackageFile[] = [];
  for (const { name, sha256 } of sums.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    files.push({ name, sha256, size: (await lstat(join(folder, name))).size });
  }
  return { ...named, manifest, files, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
