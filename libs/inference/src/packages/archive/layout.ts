/**
 * Where the files of an archive stand in a package: flat, but for the folders that are known. TorchServe's archiver packs
 * whatever folders it is given; a .mar's are left out, as no default handler looks into one.
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
  /** A name for each path, in the same order: bare, or below a known folder; undefined for what is left out. */
  names: (string | undefined)[];
  /** The folders of a .mar that are left out. */
  leftOut: string[];
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
  const isMar = paths.some((path) => inner(path)[0] === MAR_INF);
  const leftOut = new Set<string>();
  const names = paths.map((path) => {
    const [folder, file, ...deeper] = inner(path);
    const isPlace = file === undefined || (deeper.length === 0 && KNOWN_FOLDERS.includes(folder!));
    if (isPlace) return inner(path).join('/');
    if (!isMar) {
      throw refusePackage(
        `The archive's entry ${shownName(path.join('/'))} lies in a folder; expected all files in one place, golden samples in "${SAMPLES}/". Move it up.`,
      );
    }
    leftOut.add(`${inner(path).slice(0, -1).join('/')}/`);
    return undefined;
  });
  return { root, names, leftOut: [...leftOut] };
}
