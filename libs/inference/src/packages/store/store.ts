/**
 * Packages by what they hold: `<store>/packages/<digest>/<name>/<version>/…`, each with a complete model.json.
 *
 * Invariants: a package appears by one rename of a finished folder and goes by one rename out of the way, so that nobody
 * ever sees a part of one; nothing in it changes; two who bring the same bytes at once both succeed. The digest is the
 * one of digest.ts over all files. Safe for several processes on one folder: there is no lock and no index.
 */
import { createReadStream, constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MODEL_NAME, MODEL_VERSION } from '../../contract/model-description.js';
import { nameFullDisk, storeFull } from '../refusal.js';
import { adoptInto, type FetchFile, type Announced } from './adopt.js';
import { SHA256 } from './digest.js';
import { Staging, sync } from './staging.js';
import { describeFolder, type StoredPackage } from './stored-package.js';

const LEFTOVER_MS = 3_600_000;

export interface PackageStoreOptions {
  /** Bytes that all packages may take, staging included. Not given: as many as the disk holds. */
  maxBytes?: number;
  /** False in a store that is another's to tidy: its uploads are not to be judged by this machine's clock and user. */
  sweeps?: boolean;
}

export interface PackageName {
  digest: string;
  name: string;
  version: string;
}

export class PackageStore {
  private readonly packages: string;
  private readonly staging: string;
  private published = Promise.resolve();

  private constructor(
    root: string,
    private readonly maxBytes: number,
  ) {
    this.packages = join(root, 'packages');
    this.staging = join(root, 'staging');
  }

  /** Makes the folder where it is missing, and sweeps what a crash left behind. */
  static async open(
    root: string,
    { maxBytes = Infinity, sweeps = true }: PackageStoreOptions = {},
  ): Promise<PackageStore> {
    const store = new PackageStore(root, maxBytes);
    await mkdir(store.packages, { recursive: true });
    await mkdir(store.staging, { recursive: true });
    if (sweeps) await store.sweepStaging();
    return store;
  }

  async has(digest: string): Promise<boolean> {
    return (await this.nameOf(digest)) !== undefined;
  }

  /** The package's folder `…/<name>/<version>`, for openPackage; undefined where there is no such package. */
  async path(digest: string): Promise<string | undefined> {
    const found = await this.nameOf(digest);
    return found && join(this.packages, digest, found.name, found.version);
  }

  async list(): Promise<PackageName[]> {
    const found: PackageName[] = [];
    for (const digest of (await readdir(this.packages)).sort()) {
      const named = await this.nameOf(digest);
      if (named) found.push(named);
    }
    return found;
  }

  /** All files of a package; undefined where there is none. @throws Error when it is not what its digest says. */
  async describe(digest: string): Promise<StoredPackage | undefined> {
    const found = await this.nameOf(digest);
    return found && describeFolder(join(this.packages, digest, found.name, found.version), found);
  }

  /** The bytes of one file of a package; undefined where there is no such package or file. The caller destroys it. */
  async read(digest: string, file: string): Promise<{ stream: Readable; size: number } | undefined> {
    const folder = await this.path(digest);
    // Only what the package lists can be named, and so no path that leads out of it.
    const known = folder && (await this.describe(digest))?.files.find(({ name }) => name === file);
    if (!known) return undefined;
    const handle = await open(join(folder, file), constants.O_RDONLY | constants.O_NOFOLLOW);
    return { stream: createReadStream('', { fd: handle }), size: known.size };
  }

  /**
   * Forgets a package, at once for everybody; files that are being read stay readable. `isUsed` is asked when nobody sees
   * it any more, and has it back. False where there is none, or it is used.
   */
  async remove(digest: string, isUsed: () => Promise<boolean> = () => Promise.resolve(false)): Promise<boolean> {
    if (!SHA256.test(digest)) return false;
    const place = join(this.packages, digest);
    const aside = await Staging.create(this.staging, 0);
    try {
      await rename(place, aside.tree);
      const back = await isUsed().catch(() => true);
      // It may have been brought again meanwhile, and is as good.
      if (back && !(await this.has(digest))) await rename(aside.tree, place);
      await sync(this.packages);
      return !back;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    } finally {
      await aside.remove();
    }
  }

  /**
   * Takes over a package that another store announces: fetches every file, checks size and sha256 of each and the
   * digest of all, and makes it visible in one step. Answers its folder.
   *
   * @throws PACKAGE_INVALID where what comes is not what was announced; STORAGE_FULL; whatever `fetchFile` throws.
   */
  async adopt(announced: Announced, fetchFile: FetchFile, signal?: AbortSignal): Promise<string> {
    const known = SHA256.test(announced.digest) && (await this.path(announced.digest));
    if (known) return known;
    const staging = await this.stage();
    try {
      await adoptInto(staging, { announced, fetchFile, signal });
      return await this.publish(staging, announced);
    } finally {
      await staging.remove();
    }
  }

  /** A place to build a package in. @throws STORAGE_FULL. */
  async stage(): Promise<Staging> {
    if (this.maxBytes === Infinity) return Staging.create(this.staging, Infinity);
    const used = (await bytesBelow(this.packages)) + (await bytesBelow(this.staging));
    if (used >= this.maxBytes) throw this.full(used);
    return Staging.create(this.staging, this.maxBytes - used);
  }

  /** Makes the finished tree of `staging` the package `digest`; that package being there already is as good. @throws STORAGE_FULL */
  async publish(staging: Staging, { digest, name, version }: PackageName): Promise<string> {
    for (const path of [...(await everythingBelow(staging.tree)), staging.tree]) await sync(path);
    // One after the other, so that two do not both find the last room.
    this.published = this.published.catch(() => undefined).then(() => this.moveIn(staging, digest));
    await this.published;
    return join(this.packages, digest, name, version);
  }

  /** Deletes what nobody has written to for so long: uploads and fetches that a crash cut off. Answers how many. */
  async sweepStaging(olderThanMs = LEFTOVER_MS): Promise<number> {
    let swept = 0;
    for (const name of await readdir(this.staging)) {
      const folder = join(this.staging, name);
      if (Date.now() - (await newestBelow(folder)) < olderThanMs) continue;
      await rm(folder, { recursive: true, force: true });
      swept++;
    }
    return swept;
  }

  private async moveIn({ tree }: Staging, digest: string): Promise<void> {
    if (await this.has(digest)) return;
    if (this.maxBytes !== Infinity) {
      // What others brought since `stage` looked.
      const used = (await bytesBelow(this.packages)) + (await bytesBelow(tree));
      if (used > this.maxBytes) throw this.full(used);
    }
    try {
      await rename(tree, join(this.packages, digest));
      await sync(this.packages);
    } catch (error) {
      // Another process was faster.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw nameFullDisk(error);
    }
  }

  private full(used: number): Error {
    return storeFull(`of ${this.maxBytes} bytes (SLUICE_STORE_MAX_BYTES) ${used} are taken`);
  }

  private async nameOf(digest: string): Promise<PackageName | undefined> {
    if (!SHA256.test(digest)) return undefined;
    const name = await onlyChild(join(this.packages, digest), MODEL_NAME);
    const version = name && (await onlyChild(join(this.packages, digest, name), MODEL_VERSION));
    return version && name ? { digest, name, version } : undefined;
  }
}

async function onlyChild(folder: string, pattern: RegExp): Promise<string | undefined> {
  const names = await readdir(folder).catch(ifMissing<string[]>([]));
  return names.find((name) => pattern.test(name));
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const path of await everythingBelow(folder)) {
    const stats = await lstat(path).catch(ifMissing(undefined));
    if (stats?.isFile()) bytes += stats.size;
  }
  return bytes;
}

/** When something was last written at or below this path, in milliseconds. */
async function newestBelow(folder: string): Promise<number> {
  let newest = 0;
  for (const path of [folder, ...(await everythingBelow(folder))]) {
    const stats = await lstat(path).catch(ifMissing(undefined));
    newest = Math.max(newest, stats?.mtimeMs ?? 0);
  }
  return newest;
}

async function everythingBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(ifMissing<string[]>([]));
  return names.map((name) => join(folder, name));
}

/** Others may move or delete what is being looked at. */
function ifMissing<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return value;
    throw error;
  };
}
