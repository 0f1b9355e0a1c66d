/**
 * The content address of a package: sha256 in hex over the sorted lines `<file>\0<sha256 of file>\n` of all its files.
 * Names are sorted by their UTF-16 code units, as in JavaScript's own order; samples are called `samples/<name>`.
 */
import { createHash } from 'node:crypto';

export const SHA256 = /^[0-9a-f]{64}$/;

export interface PackageFile {
  /** A bare name, or `samples/` and one. */
  name: string;
  /** In hex. */
  sha256: string;
  /** Bytes. */
  size: number;
}

export function digestOf(files: Iterable<Pick<PackageFile, 'name' | 'sha256'>>): string {
  const lines = [...files].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, sha256 }) => `${name}\0${sha256}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
