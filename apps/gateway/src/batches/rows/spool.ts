/**
 * Bodies that must be there as a whole before they can be read, on disk: a zip's directory stands at its end.
 *
 * Invariants: all of them together take no more than the cap, and those of one owner no more than a share of it, so that
 * one whose uploads hang leaves others some; one that would is refused on the way. A file has no name from the moment it
 * is open, so that it goes with whoever holds it, killed or not.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '#inference';

const RETRY_SECONDS = 30;
/** Of the cap. */
const SHARE_OF_ONE_OWNER = 3 / 4;

export interface Spooled {
  fd: number;
  bytes: number;
  /** Called when nobody reads it any more. */
  release(): Promise<void>;
}

export interface SpoolOptions {
  dir: string;
  /** Bytes of all files together. */
  cap: number;
}

export class Spool {
  private readonly byOwner = new Map<string, number>();
  private taken = 0;

  constructor(private readonly options: SpoolOptions) {}

  /** Bytes on disk now. */
  get bytes(): number {
    return this.taken;
  }

  /** The most that one owner's files may have. */
  get share(): number {
    return Math.floor(this.options.cap * SHARE_OF_ONE_OWNER);
  }

  /** @throws BODY_TOO_LARGE above `most`, CAPACITY_EXHAUSTED above the cap or the owner's share of it */
  async take(body: AsyncIterable<Buffer>, { owner, most }: { owner: string; most: number }): Promise<Spooled> {
    const file = await this.file();
    let bytes = 0;
    const release = async (): Promise<void> => {
      this.count(owner, -bytes);
      bytes = 0;
      await file.close();
    };
    try {
      for await (const piece of body) {
        if (bytes + piece.length > most) throw archiveTooLarge(most);
        this.checkRoom(owner, piece.length);
        this.count(owner, piece.length);
        bytes += piece.length;
        await file.writeFile(piece);
      }
      return { fd: file.fd, bytes, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  private async file(): Promise<FileHandle> {
    const { dir } = this.options;
    await mkdir(dir, { recursive: true });
    const path = join(dir, `sluice-${randomBytes(9).toString('base64url')}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    return file;
  }

  private checkRoom(owner: string, more: number): void {
    const { cap } = this.options;
    const own = this.byOwner.get(owner) ?? 0;
    if (own + more > this.share) throw full(`Archives of yours that are being read hold ${own} of ${this.share} bytes`);
    if (this.taken + more > cap) throw full(`Archives that are being read hold ${this.taken} of ${cap} bytes`);
  }

  private count(owner: string, more: number): void {
    this.taken += more;
    const own = (this.byOwner.get(owner) ?? 0) + more;
    if (own === 0) this.byOwner.delete(owner);
    else this.byOwner.set(owner, own);
  }
}

export function archiveTooLarge(most: number): SluiceError {
  return new SluiceError(
    'BODY_TOO_LARGE',
    `The archive has more than ${most} bytes: SLUICE_MAX_BATCH_BYTES, or three quarters of SLUICE_MAX_SPOOL_BYTES. Send its files in several.`,
  );
}

function full(what: string): SluiceError {
  return new SluiceError('CAPACITY_EXHAUSTED', `${what} on disk. Try again later, or send JSON lines.`, {
    retryAfterSeconds: RETRY_SECONDS,
  });
}
