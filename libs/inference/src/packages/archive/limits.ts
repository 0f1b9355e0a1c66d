/**
 * How much an archive may be and become. Bytes are counted as they are unpacked: what headers declare is never relied on.
 *
 * Invariant: what is unpacked of any archive stays within the limits of its Meter by at most one piece of a stream.
 */
import { refusePackage, shownName } from '../refusal.js';

/** More files than any package needs. */
export const MAX_ENTRIES = 1_000;
/** Weights hardly shrink, and text shrinks tenfold; deflate itself reaches 1 032. */
const MAX_ENTRY_RATIO = 200;
const MAX_RATIO = 100;
/** What is smaller than this harms nobody, however well it shrank. */
const FREE_BYTES = 1024 * 1024;

export interface MeterOptions {
  /** Bytes of the archive itself. */
  packed: number;
  /** Bytes that may come out of it. */
  maxBytes: number;
}

export class Meter {
  private entries = 0;
  private unpacked = 0;

  constructor(private readonly options: MeterOptions) {}

  /** Counts an entry, of whatever kind. @throws PACKAGE_INVALID */
  entry(): void {
    if (++this.entries <= MAX_ENTRIES) return;
    throw refusePackage(
      `The archive has more than ${MAX_ENTRIES} entries; that many are read at most. Pack the model and what belongs to it alone.`,
    );
  }

  /** Counts what passes. `packed`: bytes of this entry in the archive, where it is packed by itself. */
  async *count(name: string, bytes: AsyncIterable<Uint8Array>, packed?: number): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const piece of bytes) {
      size += piece.length;
      this.add(piece.length);
      if (packed !== undefined && size > FREE_BYTES && size > MAX_ENTRY_RATIO * packed) {
        throw refusePackage(
          `The archive's entry ${shownName(name)} unpacks to more than ${MAX_ENTRY_RATIO} times its size. Store it unpacked (zip -0) if it is meant to be so.`,
        );
      }
      yield piece;
    }
  }

  private add(bytes: number): void {
    const { packed, maxBytes } = this.options;
    this.unpacked += bytes;
    if (this.unpacked > maxBytes) {
      throw refusePackage(
        `The archive unpacks to more than ${maxBytes} bytes. Make the package smaller, or raise SLUICE_MAX_PACKAGE_BYTES.`,
      );
    }
    if (this.unpacked > FREE_BYTES && this.unpacked > MAX_RATIO * packed) {
      throw refusePackage(
        `The archive unpacks to more than ${MAX_RATIO} times its size. Send it unpacked (zip -0, or a plain .tar) if it is meant to be so.`,
      );
    }
  }
}
