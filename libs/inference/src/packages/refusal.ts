/** How a package is refused: one code, and a sentence of its own for everything that can be wrong with one. */
import { SluiceError } from '../errors.js';

/** `sentence` says which file or entry, what was found, what was expected and what to do; it holds no path. */
export function refusePackage(sentence: string): SluiceError {
  return new SluiceError('PACKAGE_INVALID', sentence);
}

/** What a file system without room says, as a failure with a name; everything else as it is. */
export function nameFullDisk(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' ? storeFull('its disk has no room left') : error;
}

export function storeFull(why: string): SluiceError {
  return new SluiceError('STORAGE_FULL', `The package store is full: ${why}. Delete versions that nobody needs.`);
}

/** A name from outside as it may stand in a sentence: quoted, escaped, 80 characters at most. */
export function shownName(name: string): string {
  // JSON leaves characters alone that are invisible, turn the direction of writing or join the letter before them.
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd]|\p{M}/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** What whoever reads a package throws for its maker (a plain Error with a sentence), as a refusal; all else as it is. */
export async function asRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // Of what makes parsers and their complaints run out of stack.
    if (error instanceof RangeError) throw refusePackage('One of the JSON files is nested too deeply. Flatten it.');
    const plain = error instanceof Error && error.name === 'Error' && !('code' in error);
    throw plain ? refusePackage(error.message) : error;
  }
}
