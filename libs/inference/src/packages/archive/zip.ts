/**
 * The files of a zip, by its central directory, through yauzl. Source of the format: PKWARE APPNOTE 6.3.10.
 *
 * Invariants: nothing is unpacked before every entry was looked at; two entries never share bytes, and each is called
 * the same in both places where its name stands, so that no other reader sees another archive; an entry that is not as
 * long as declared, or whose CRC differs, fails.
 */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import {
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type Entry,
  type ZipFile,
} from 'yauzl';
import { refusePackage, shownName } from '../refusal.js';
import { entryPath, isMetadata } from './entry-path.js';
import type { ArchiveEntry, ReadOptions } from './entry.js';
import { rangeOf, through } from './inflate.js';

/** Systems that wrote an archive. */
const DOS = 0;
const NTFS = 10;
const STORED = 0;
const DEFLATED = 8;
const METHODS: Record<number, string> = {
  1: 'shrink',
  6: 'implode',
  9: 'deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'zstd',
  95: 'xz',
  99: 'AES encryption',
};
const UNIX_TYPE = 0o170000;
const UNIX_FOLDER = 0o040000;
const PLAIN = new Set([0, 0o100000, UNIX_FOLDER]);
const SPECIAL: Record<number, string> = {
  0o120000: 'a symbolic link',
  0o010000: 'a FIFO',
  0o020000: 'a character device',
  0o060000: 'a block device',
  0o140000: 'a socket',
};

interface Found {
  name: string;
  path: string[];
  method: number;
  crc: number;
  packed: number;
  size: number;
  /** Where its bytes lie in the archive. */
  start: number;
}

/** @throws PACKAGE_INVALID. `file` stays its owner's to close. */
export async function* zipEntries(file: FileHandle, { size, meter }: ReadOptions): AsyncGenerator<ArchiveEntry> {
  const zip = await named(
    fromRandomAccessReaderPromise(new FileReader(file), size, {
      // Names and sizes are checked here: its own checks look at less, and replace backslashes.
      decodeStrings: false,
      validateEntrySizes: false,
      autoClose: false,
    }),
  );
  const found: Found[] = [];
  for (const entry of await named(entriesOf(zip, meter))) {
    const looked = await named(look(zip, entry));
    if (looked) found.push(looked);
  }
  refuseOverlaps(found);
  for (const entry of found) {
    const packed = rangeOf(file, entry.start, entry.start + entry.packed);
    const bytes = entry.method === STORED ? packed : through(packed, createInflateRaw());
    yield { path: entry.path, bytes: checked(entry, meter.count(entry.name, bytes, entry.packed)) };
  }
}

async function entriesOf(zip: ZipFile, meter: ReadOptions['meter']): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    meter.entry();
    // Up to 128 KiB each, and not needed.
    const { fileNameRaw, extraFields } = entry;
    const unicodeName = extraFields.filter(({ id }) => id === 0x7075);
    const name = getFileNameLowLevel(entry.generalPurposeBitFlag, fileNameRaw, unicodeName, true);
    entry.fileName = isOfWindows(entry) && !name.includes('/') ? name.replaceAll('\\', '/') : name;
    Object.assign(entry, {
      extraFields: [],
      extraFieldRaw: undefined,
      fileComment: '',
      comment: '',
      fileCommentRaw: undefined,
    });
    entry.fileNameRaw = Buffer.from(fileNameRaw);
    entries.push(entry);
  }
  return entries;
}

/** Where Compress-Archive of PowerShell 5 writes backslashes, which can be in no name there. */
function isOfWindows({ versionMadeBy }: Entry): boolean {
  const system = versionMadeBy >>> 8;
  return system === DOS || system === NTFS;
}

/** Undefined for what is left out. */
async function look(zip: ZipFile, entry: Entry): Promise<Found | undefined> {
  const { fileName: name, compressionMethod: method, compressedSize: packed, uncompressedSize: size } = entry;
  const path = entryPath(name);
  const wrong = (what: string): never => {
    throw refusePackage(`The archive's entry ${shownName(name)} ${what}`);
  };
  const type = (entry.externalFileAttributes >>> 16) & UNIX_TYPE;
  if (!PLAIN.has(type))
    wrong(`is ${SPECIAL[type] ?? 'no plain file'}; expected plain files. Put a copy of the file in its place.`);
  const header = await zip.readLocalFileHeaderPromise(entry);
  if (!header.fileName.equals(entry.fileNameRaw)) {
    wrong(`is called ${shownName(header.fileName.toString())} in its own header. Pack the archive again.`);
  }
  if (name.endsWith('/') || type === UNIX_FOLDER) return undefined;
  if (entry.isEncrypted() || (header.generalPurposeBitFlag & 1) !== 0)
    wrong('is encrypted. Pack it without a password.');
  if (method !== STORED && method !== DEFLATED) {
    wrong(
      `is packed by ${METHODS[method] ?? `method ${method}`}; expected deflate or none. Pack it with zip or Python.`,
    );
  }
  if (isMetadata(path)) return undefined;
  return { name, path, method, crc: entry.crc32, packed, size, start: header.fileDataStart };
}

/** Many entries over the same bytes unpack to far more than an archive holds. */
function refuseOverlaps(found: readonly Found[]): void {
  const inOrder = [...found].sort((a, b) => a.start - b.start);
  inOrder.forEach((entry, i) => {
    const before = inOrder[i - 1];
    if (!before || before.start + before.packed <= entry.start) return;
    throw refusePackage(
      `The archive's entries ${shownName(before.name)} and ${shownName(entry.name)} lie over each other. Pack the archive again.`,
    );
  });
}

async function* checked(entry: Found, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const damaged = (what: string): never => {
    throw refusePackage(
      `The archive's entry ${shownName(entry.name)} ${what}. The archive is damaged: pack and send it again.`,
    );
  };
  let size = 0;
  let crc = 0;
  try {
    for await (const piece of bytes) {
      size += piece.length;
      if (size > entry.size) damaged(`unpacks to more than the ${entry.size} bytes that it declares`);
      crc = crc32(piece, crc);
      yield piece;
    }
  } catch (error) {
    if (String((error as NodeJS.ErrnoException).code).startsWith('Z_')) damaged('cannot be unpacked');
    throw error;
  }
  if (size < entry.size) damaged(`unpacks to ${size} bytes; it declares ${entry.size}`);
  if (crc !== entry.crc) damaged('does not have the CRC-32 that it declares');
}

/** yauzl's complaints say what is wrong with the format; they hold no path. */
async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    // Its own are plain; those of the system have a code, and ours a name. A place beyond all files is Node's to refuse.
    const plain = name === 'Error' && code === undefined;
    if (!plain && code !== 'ERR_OUT_OF_RANGE') throw error;
    if (message === 'strong encryption is not supported') {
      throw refusePackage('The archive is encrypted. Pack it without a password.');
    }
    throw refusePackage(`The archive is a damaged or unusual zip: ${message.slice(0, 200)}. Pack and send it again.`);
  }
}

/** Reads through the handle, so that closing it waits for what is under way. */
class FileReader extends RandomAccessReader {
  constructor(private readonly file: FileHandle) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(rangeOf(this.file, start, end));
  }
}
