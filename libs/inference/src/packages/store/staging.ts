/**
 * A folder in which one package takes shape before anybody sees it: `<store>/staging/<random>/`.
 *
 * Invariants: everything is written inside this folder, under names that were checked or made here; a file is created,
 * never opened: no link is followed and nothing is written over; what is written has a sha256,
 * taken on the way. What a crash leaves behind is found by its age (see store.ts).
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { nameFullDisk, storeFull } from '../refusal.js';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Packages are for workers to read, which may be other users; what runs is never one of their files. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** The finished package inside the staging folder, as `tree/<name>/<version>/`. */
const TREE = 'tree';

export interface StagedFile {
  path: string;
  /** In hex. */
  sha256: string;
  /** Bytes. */
  size: number;
}

export interface WriteOptions {
  signal?: AbortSignal | undefined;
}

export class Staging {
  private written = 0;

  private constructor(
    readonly folder: string,
    private readonly room: number,
  ) {}

  /** @param room bytes that may be written in all; more is STORAGE_FULL. */
  static async create(parent: string, room: number): Promise<Staging> {
    const folder = join(parent, randomBytes(12).toString('hex'));
    await mkdir(folder, { mode: 0o700 });
    return new Staging(folder, room);
  }

  /** Creates `path` (relative to this folder) with these bytes. @throws STORAGE_FULL; whatever the source throws. */
  async write(path: string, bytes: AsyncIterable<Uint8Array>, { signal }: WriteOptions = {}): Promise<StagedFile> {
    const file = join(this.folder, path);
    const hash = createHash('sha256');
    let size = 0;
    const handle = await open(file, CREATE, FILE_MODE).catch(throwNamed);
    try {
      // The mode at creation is cut by the umask.
      await handle.chmod(FILE_MODE);
      const sink = new Writable({
        write: (piece: Uint8Array, _encoding, done) => {
          this.written += piece.length;
          if (this.written > this.room) return done(storeFull('it may hold no more bytes (SLUICE_STORE_MAX_BYTES)'));
          size += piece.length;
          hash.update(piece);
          handle.writeFile(piece).then(() => done(), done);
        },
      });
      // As a stream of its own, so that an abort need not wait for the source's next piece.
      await pipeline(Readable.from(bytes), sink, { ...(signal && { signal }) });
    } catch (error) {
      throw nameFullDisk(error);
    } finally {
      await handle.close();
    }
    return { path: file, sha256: hash.digest('hex'), size };
  }

  /** Gives a file of this folder another place in it (relative, and not taken). */
  async move(file: StagedFile, path: string): Promise<StagedFile> {
    const place = join(this.folder, path);
    await rename(file.path, place);
    return { ...file, path: place };
  }

  /** Makes a folder (relative to this one), parents included, and answers its path. */
  async makeFolder(...path: string[]): Promise<string> {
    let folder = this.folder;
    for (const part of path) {
      folder = join(folder, part);
      await mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw nameFullDisk(error);
      });
      await chmod(folder, FOLDER_MODE);
    }
    return folder;
  }

  /** Where the finished package's files go, relative to this folder. */
  treeOf(name: string, version: string): [string, string, string] {
    return [TREE, name, version];
  }

  /** What becomes the package's place in the store. */
  get tree(): string {
    return join(this.folder, TREE);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Makes a file's content, or the names in a folder, survive a loss of power. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function throwNamed(error: unknown): never {
  throw nameFullDisk(error);
}
