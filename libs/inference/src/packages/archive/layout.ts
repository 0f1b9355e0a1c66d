/**
 * Where the files of an archive stand in a package: flat, but for the folders that are known.
 *
 * Invariant: nothing stands deeper than `<known folder>/<file>`.
 */
import { SAMPLES } from '../file-name.js';
import { refuseCollisions } from '../ingest/collisions.js';
import { refusePackage, shownName } from '../refusal.js';

/** TorchServe's folder of the archive's own description. */
export const MAR_INF = 'MAR-INF';
export const KNOWN_FOLDERS = [SAMPLES, MAR_INF];
/** Folders around everything that are taken off: `name/`, or `name/version/`. */
export const MAX_ROOT = 2;

export interface Layout {
  /** The folders that were around everything. */
  root: string[];
  /** A name for each path, in the same order: bare, or below a known folder. */
  names: string[];
}

/** @throws PACKAGE_INVALID */
export function layOut(paths: readonly string[][]): Layout {
  if (paths.length === 0) throw refusePackage('The archive holds no files. Pack the model and what belongs to it.');
  refuseCollisions(paths, 'archive');
  const root: string[] = [];
  const inner = (path: readonly string[]): readonly string[] => path.slice(root.length);
  while (root.length < MAX_ROOT) {
    const first = inner(paths[0]!)[0]!;
    const around = paths.every((path) => inner(path).length > 1 && inner(path)[0] === first);
    if (!around || KNOWN_FOLDERS.includes(first)) break;
    root.push(first);
  }
  for (const path of paths) {
    const [folder, file, ...deeper] = inner(path);
    if (file === undefined || (deeper.length === 0 && KNOWN_FOLDERS.includes(folder!))) continue;
    throw refusePackage(
      `The archive's entry ${shownName(path.join('/'))} lies in a folder; expected all files in one place, golden samples in "${SAMPLES}/". Move it up.`,
    );
  }
  return { root, names: paths.map((path) => inner(path).join('/')) };
}
