/**
 * A zip of pictures or texts to rows: its files in the order of their names, each called by its name.
 *
 * Nothing is ever written under a name from the archive. Invariants: the archive is refused as a whole for what no
 * honest one has (names that lead out of it, links, more entries or bytes than allowed); a file that cannot be read is
 * a row that has failed; one file is in memory at a time, and of the others their names and places alone.
 */
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';
import { SluiceError, type ErrorCode } from '#inference';
import type { InputItem } from '../../predictions/prediction-input.js';
import { MAX_ID, type Row, type RowSource } from './row.js';

const MAX_ENTRIES = 100_000;
/** What pictures reach, which are compressed already, and texts of people, is far below; what bombs reach is far above. */
const MAX_RATIO = 200;
const NOTHING = Buffer.alloc(0);
const UNIX_TYPE = 0o170000;
const UNIX_FILE = 0o100000;

export interface ZipContents {
  /** Bytes of one file. */
  file: number;
  /** Bytes of all files. */
  all: number;
  /** What a file is. @throws SluiceError where it is none. */
  itemOf(bytes: readonly Buffer[]): InputItem;
  /** The code of a file that cannot be unpacked. */
  damaged: ErrorCode;
}

/** @throws BODY_MALFORMED, BODY_TOO_LARGE. `fd` stays its owner's to close. */
export async function zipRows(fd: number, contents: ZipContents): Promise<RowSource> {
  const zip = await asProblem(fromFdPromise(fd, { lazyEntries: true, autoClose: false, strictFileNames: false }));
  if (zip.entryCount > MAX_ENTRIES) {
    throw new SluiceError(
      'BODY_TOO_LARGE',
      `The archive has ${zip.entryCount} entries; at most ${MAX_ENTRIES} are allowed. Send several archives.`,
    );
  }
  const files = await asProblem(filesOf(zip, contents));
  return {
    form: 'bytes',
    async *rows(skip) {
      for (const entry of files.slice(skip)) yield await read(zip, entry, contents);
    },
  };
}

async function filesOf(zip: ZipFile, contents: ZipContents): Promise<Entry[]> {
  const files: Entry[] = [];
  let bytes = 0;
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.length > MAX_ID) throw malformed(`a name of ${entry.fileName.length} characters`);
    if (isLink(entry)) throw malformed(`${shown(entry)}, which is no file`);
    if (isIgnored(entry.fileName)) continue;
    bytes += entry.uncompressedSize;
    if (bytes > contents.all) {
      throw new SluiceError(
        'BODY_TOO_LARGE',
        `The files of the archive have more than ${contents.all} bytes in all. Send several archives.`,
      );
    }
    files.push(light(entry));
  }
  return files.sort((a, b) => (a.fileName < b.fileName ? -1 : a.fileName > b.fileName ? 1 : 0));
}

/**
 * An entry without what nobody reads: comments and extra fields take up to 128 kB of a directory each, and decoded thirty
 * times that. A name decoded byte by byte is a chain of its characters, of 32 bytes each, until it is copied.
 */
function light(entry: Entry): Entry {
  const fileName = Buffer.from(entry.fileName).toString();
  return Object.assign(entry, {
    fileName,
    fileNameRaw: NOTHING,
    comment: '',
    fileComment: '',
    fileCommentRaw: NOTHING,
    extraFields: [],
    extraFieldRaw: NOTHING,
  });
}

async function read(zip: ZipFile, entry: Entry, contents: ZipContents): Promise<Row> {
  const row = { name: entry.fileName };
  const wrong = unreadable(entry, contents);
  if (wrong) return { ...row, input: wrong };
  try {
    const pieces: Buffer[] = [];
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
    return { ...row, input: contents.itemOf(pieces) };
  } catch (error) {
    if (error instanceof SluiceError) return { ...row, input: { code: error.code, message: error.message } };
    return { ...row, input: { code: contents.damaged, message: 'The file cannot be unpacked: it is damaged.' } };
  }
}

function unreadable(entry: Entry, contents: ZipContents): Row['input'] | undefined {
  if (!entry.canDecodeFileData()) {
    return { code: 'INPUT_INVALID', message: 'The file is encrypted, or packed in a way that is not read here.' };
  }
  const { compressedSize: packed, uncompressedSize: bytes } = entry;
  if (bytes === 0) return { code: 'BODY_EMPTY', message: 'The file is empty.' };
  if (bytes > contents.file) {
    return { code: 'BODY_TOO_LARGE', message: `The file has ${bytes} bytes; at most ${contents.file} are allowed.` };
  }
  if (bytes > MAX_RATIO * packed) {
    return { code: contents.damaged, message: `The file unpacks to ${Math.round(bytes / packed)} times its size.` };
  }
  return undefined;
}

/** Folders, what macOS packs beside the files, and hidden files. */
function isIgnored(name: string): boolean {
  return name.endsWith('/') || name.startsWith('__MACOSX/') || /(^|\/)\./.test(name);
}

/** Whatever Unix says is neither a file nor a folder. */
function isLink({ externalFileAttributes, fileName }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & UNIX_TYPE;
  return type !== 0 && type !== UNIX_FILE && !fileName.endsWith('/');
}

function shown({ fileName }: Entry): string {
  return JSON.stringify(fileName.slice(0, 80));
}

function malformed(what: string): SluiceError {
  return new SluiceError('BODY_MALFORMED', `The archive holds ${what}. Pack files alone, under plain relative names.`);
}

/** What yauzl finds wrong: no archive at all, a damaged directory, absolute names and such that lead out of it. */
async function asProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError(
      'BODY_MALFORMED',
      'The archive cannot be read: it is no zip, damaged, or its names lead out of it.',
    );
  }
}
