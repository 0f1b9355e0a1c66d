/**
 * Whatever a model comes as, into files of a staging folder.
 *
 * Invariants: what a file is, is told by its first bytes; of a folder only plain files are taken, never what a link
 * leads to; all of it together stays within `maxBytes`.
 */
import { constants, type Dirent } from 'node:fs';
import { open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { entryPath, isMetadata } from '../archive/entry-path.js';
import { rangeOf } from '../archive/inflate.js';
import { kindOf } from '../archive/kind.js';
import { KNOWN_FOLDERS, MAR_INF, MAX_ROOT } from '../archive/layout.js';
import { MAX_ENTRIES } from '../archive/limits.js';
import { unpack } from '../archive/unpack.js';
import { SAMPLES } from '../file-name.js';
import { BARE_NAME } from '../manifest/fields.js';
import { readOnnxHeader } from '../onnx-file.js';
import { asRefusal, refusePackage, shownName } from '../refusal.js';
import type { StagedFile, Staging } from '../store/staging.js';
import { suggestedName, suggestedVersion } from './naming.js';

export type PackageSource =
  /** An archive or a model file as it is sent; `fileName` may give the package its name. */
  | { bytes: AsyncIterable<Uint8Array>; fileName?: string | undefined }
  /** An archive, a model file (weights in files beside it are taken along) or a folder. */
  | { path: string };

export interface GatherOptions {
  maxBytes: number;
  signal: AbortSignal | undefined;
}

export interface Gathered {
  /** By their places in a package: bare names, `samples/…`, and of a .mar `MAR-INF/…`. */
  files: Map<string, StagedFile>;
  /** What the package may be called, where it does not say. */
  name: string | undefined;
  version: string | undefined;
  /** The folders of a .mar that no package has. */
  leftOut: string[];
}

/** @throws PACKAGE_INVALID, STORAGE_FULL, the signal's reason, what the source of the bytes throws */
export async function gather(staging: Staging, source: PackageSource, options: GatherOptions): Promise<Gathered> {
  if ('bytes' in source) return fromUpload(staging, source, options);
  const path = resolve(source.path);
  const stats = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw refusePackage(`${shownName(basename(path))} is not there. Name an archive, a folder or a model.`);
  });
  return stats.isDirectory() ? fromFolder(staging, path, options) : fromFile(staging, path, options);
}

async function fromUpload(
  staging: Staging,
  { bytes, fileName = '' }: { bytes: AsyncIterable<Uint8Array>; fileName?: string | undefined },
  options: GatherOptions,
): Promise<Gathered> {
  const upload = await staging.write('upload', atMost(bytes, options.maxBytes), options);
  const name = suggestedName(basename(fileName.replaceAll('\\', '/')));
  const kind = await opened(upload.path, kindOf);
  if (kind === 'onnx' || kind === 'ort') {
    return { files: new Map([[`model.${kind}`, upload]]), name, version: undefined, leftOut: [] };
  }
  const unpacked = await opened(upload.path, (file) => unpack(file, staging, { ...options, kind }));
  // Nobody needs it any more, and it may be large.
  await unlink(upload.path);
  return fromArchive(unpacked, name);
}

async function fromFile(staging: Staging, path: string, options: GatherOptions): Promise<Gathered> {
  const fileName = basename(path);
  const name = suggestedName(fileName) ?? suggestedName(basename(dirname(path)));
  return opened(path, async (file) => {
    const kind = await kindOf(file);
    if (kind !== 'onnx' && kind !== 'ort') return fromArchive(await unpack(file, staging, { ...options, kind }), name);
    const copy = new Copying(staging, options);
    await copy.take(file, { name: fileName, as: `model.${kind}` });
    const weights = kind === 'onnx' ? (await asRefusal(readOnnxHeader(path))).externalFiles : [];
    // Others than bare names are refused when the package is opened.
    for (const each of weights.filter((file) => BARE_NAME.test(file))) await copy.from(dirname(path), each);
    return { files: copy.files, name, version: undefined, leftOut: [] };
  });
}

async function fromFolder(staging: Staging, outer: string, options: GatherOptions): Promise<Gathered> {
  const folder = await innermost(outer);
  const copy = new Copying(staging, options);
  const entries = await visible(folder);
  const isMar = entries.some(({ name }) => name === MAR_INF);
  const leftOut: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && KNOWN_FOLDERS.includes(entry.name)) {
      for (const inner of await visible(join(folder, entry.name))) {
        await copy.from(folder, plain(inner, `${entry.name}/${inner.name}`));
      }
    } else if (entry.isDirectory() && isMar) {
      leftOut.push(`${entry.name}/`);
    } else {
      await copy.from(folder, plain(entry, entry.name));
    }
  }
  if (copy.files.size === 0) throw refusePackage('The folder holds no files. Name one that holds a model.');
  const version = suggestedVersion(basename(folder));
  return { files: copy.files, name: suggestedName(basename(version ? dirname(folder) : folder)), version, leftOut };
}

/** The folder itself, or what it holds where that is one folder alone, as `<name>/` holds `<version>/`. */
async function innermost(folder: string): Promise<string> {
  let inner = folder;
  for (let depth = 0; depth < MAX_ROOT; depth++) {
    const [only, ...others] = await visible(inner);
    if (!only?.isDirectory() || others.length > 0 || KNOWN_FOLDERS.includes(only.name)) break;
    inner = join(inner, only.name);
  }
  return inner;
}

async function visible(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !isMetadata([name]));
}

function fromArchive(unpacked: Awaited<ReturnType<typeof unpack>>, fileName: string | undefined): Gathered {
  const { files, root, leftOut } = unpacked;
  const [outer, inner] = root;
  if (outer === undefined) return { files, name: fileName, version: undefined, leftOut };
  const version = suggestedVersion(inner ?? outer);
  const isVersion = inner === undefined && version !== undefined;
  return { files, name: (isVersion ? undefined : suggestedName(outer)) ?? fileName, version, leftOut };
}

function plain(entry: Dirent, name: string): string {
  entryPath(name, 'The file');
  if (entry.isFile()) return name;
  const what = entry.isDirectory() ? 'a folder' : entry.isSymbolicLink() ? 'a link' : 'no plain file';
  throw refusePackage(
    `${shownName(name)} is ${what}; expected plain files, and golden samples in "${SAMPLES}/". Put a copy of the file in its place.`,
  );
}

/** Copies of files, numbered, within the limits. */
class Copying {
  readonly files = new Map<string, StagedFile>();
  private bytes = 0;

  constructor(
    private readonly staging: Staging,
    private readonly options: GatherOptions,
  ) {}

  async from(folder: string, name: string): Promise<void> {
    await opened(join(folder, name), (file) => this.take(file, { name, as: name }));
  }

  async take(file: FileHandle, { name, as }: { name: string; as: string }): Promise<void> {
    this.options.signal?.throwIfAborted();
    const stats = await file.stat();
    if (!stats.isFile())
      throw refusePackage(`${shownName(name)} is no plain file. Put a copy of the file in its place.`);
    this.bytes += stats.size;
    if (this.bytes > this.options.maxBytes) throw tooLarge(this.options.maxBytes);
    if (this.files.size === MAX_ENTRIES) {
      throw refusePackage(
        `The folder holds more than ${MAX_ENTRIES} files. Keep the model and what belongs to it alone.`,
      );
    }
    const copy = await this.staging.write(`copy-${this.files.size}`, rangeOf(file, 0, stats.size), this.options);
    this.files.set(as, copy);
  }
}

async function opened<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const name = shownName(basename(path));
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw refusePackage(`${name} is a link; expected a plain file. Put a copy in its place.`);
    if (code === 'ENOENT') throw refusePackage(`${name} is missing. Put it beside the model.`);
    throw error;
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function* atMost(bytes: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let came = 0;
  for await (const piece of bytes) {
    came += piece.length;
    if (came > most) throw tooLarge(most);
    yield piece;
  }
}

function tooLarge(most: number): Error {
  return refusePackage(`The package has more than ${most} bytes. Make it smaller, or raise SLUICE_MAX_PACKAGE_BYTES.`);
}
