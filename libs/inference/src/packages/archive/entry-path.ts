/**
 * The name of an entry, read as a path of plain parts. Every name passes here, of files that are left out too.
 *
 * Invariant: what comes out is a path below one folder on every system: no part leads elsewhere, means a device or is
 * told apart by what people cannot see.
 */
import { refusePackage, shownName } from '../refusal.js';

const MAX_PATH_BYTES = 512;
const MAX_PART_BYTES = 255;
/** Control characters, those that are invisible or turn the direction of writing, and what stands for bad UTF-8. */
const UNSEEN = /[\u0001-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const NOT_UTF8 = '\ufffd';
const UNPORTABLE = /[<>:"|?*]/;
/** Devices on Windows, whatever follows a dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)/i;

/**
 * A folder's name may end in a slash; the folder that holds all comes out as no parts.
 *
 * @param subject begins the sentence of a refusal.
 * @throws PACKAGE_INVALID
 */
export function entryPath(name: string, subject = "The archive's entry"): string[] {
  const wrong = (what: string, todo = 'Pack files under plain relative names.'): never => {
    throw refusePackage(`${subject} ${shownName(name)} ${what}. ${todo}`);
  };
  if (name === '') throw refusePackage('The archive has an entry without a name. Pack it again.');
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_PATH_BYTES) wrong(`has a name of ${bytes} bytes; at most ${MAX_PATH_BYTES} are taken`, 'Shorten it.');
  if (name.includes('\0')) wrong('has a NUL character in its name');
  if (name.includes(NOT_UTF8)) wrong('has a name that is not UTF-8');
  if (UNSEEN.test(name)) wrong('has a control character or an invisible one in its name');
  if (name.includes('\\')) wrong('has a backslash in its name', 'Pack it on a system that separates folders by "/".');
  if (/^[a-z]:/i.test(name)) wrong('begins with a drive letter');
  if (name.startsWith('/')) wrong('has an absolute path');
  const parts = name
    .replace(/^(\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/');
  // The folder that was packed itself, as `tar -C folder .` writes it.
  if (parts.length === 1 && (parts[0] === '' || parts[0] === '.')) return [];
  for (const part of parts) {
    if (part === '..') wrong('leads out of its folder by ".."');
    if (part === '.' || part === '') wrong('has an empty part or "." in its path');
    if (Buffer.byteLength(part) > MAX_PART_BYTES)
      wrong(`has a name of more than ${MAX_PART_BYTES} bytes`, 'Shorten it.');
    if (UNPORTABLE.test(part)) wrong('has one of < > : " | ? * in its name', 'Rename it.');
    if (/[. ]$/.test(part) || part.startsWith(' '))
      wrong('has a name that ends in a dot or a space, or begins with one', 'Rename it.');
    if (DEVICE.test(part)) wrong('has the name of a device on Windows', 'Rename it.');
    if (part === '__proto__') wrong('has a name that cannot be a key in JSON', 'Rename it.');
  }
  return parts;
}

/** What systems put beside people's files: resource forks, thumbnails, everything hidden. */
export function isMetadata(path: readonly string[]): boolean {
  return path.some((part) => part.startsWith('.') || part === '__MACOSX' || /^(thumbs\.db|desktop\.ini)$/i.test(part));
}
