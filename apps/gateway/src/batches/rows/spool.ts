/**
 * Bodies that must be there as a whole before they can be read, on disk: a zip's directory stands at its end.
 *
 * Invariants: all of them together take no more than the cap, and one that would is refused on the way; a file has no
 * name from the moment it is open, so that it goes with whoever holds it, killed or not.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '#inference';
import { rowsTooLarge } from '../../http/predict-gate.js';

const RETRY_SECONDS = 30;

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
  private taken = 0;

  constructor(private readonly options: SpoolOptions) {}

  /** Bytes on disk now. */
  get bytes(): number {
    return this.taken;
  }

  /** @throws BODY_TOO_LARGE above `most`, CAPACITY_EXHAUSTED above the cap */
  async take(body: AsyncIterable<Buffer>, most: number): Promise<Spooled> {
    const file = await this.file();
    let bytes = 0;
    const release = async (): Promise<void> => {
      this.taken -= bytes;
      bytes = 0;
      await file.close();
    };
    try {
      for await (const piece of body) {
        if (bytes + piece.length > most) throw rowsTooLarge(most);
        if (this.taken + piece.length > this.options.cap) throw this.full();
        this.taken += piece.length;
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

  private full(): SluiceError {
    return new SluiceError(
      'CAPACITY_EXHAUSTED',
      `Archives that are being read hold ${this.taken} of ${this.options.cap} bytes on disk. Try again later, or send JSON lines.`,
      { retryAfterSeconds: RETRY_SECONDS },
    );
  }
}
