/**
 * Names that are one.
 *
 * Invariant: files that pass have places of their own on every file system, whether it tells case and Unicode forms
 * apart or not.
 */
import { refusePackage, shownName } from '../refusal.js';

/** @param whole what holds them, as the sentence says it. @throws PACKAGE_INVALID */
export function refuseCollisions(paths: readonly (readonly string[])[], whole: 'archive' | 'package'): void {
  const files = new Map<string, string>();
  for (const path of paths) {
    const name = path.join('/');
    const other = files.get(folded(name));
    if (other === name) throw refusePackage(`The ${whole} holds ${shownName(name)} twice. Pack it once.`);
    if (other !== undefined) {
      throw refusePackage(
        `The ${whole} holds ${shownName(other)} and ${shownName(name)}, which are one name where case or Unicode forms are not told apart. Rename one.`,
      );
    }
    files.set(folded(name), name);
  }
  const folders = new Map<string, string>();
  for (const path of paths) {
    for (let depth = 1; depth < path.length; depth++) {
      const folder = path.slice(0, depth).join('/');
      const file = files.get(folded(folder));
      const other = folders.get(folded(folder)) ?? folder;
      if (file !== undefined || other !== folder) {
        throw refusePackage(
          `The ${whole} has a folder ${shownName(folder)} and ${shownName(file ?? other)} beside it, which would be one. Rename one.`,
        );
      }
      folders.set(folded(folder), folder);
    }
  }
}

/** Equal for names that some file system takes for one. */
function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}
