/**
 * The wire format of protocol buffers, read from a file through one small window. What is skipped is never read, so a
 * file of gigabytes costs what its structure costs. Source of the format: protobuf.dev/programming-guides/encoding.
 *
 * Invariants: at most WINDOW bytes of the file are in memory; nothing is read beyond the file's end as it was at the
 * start; `varint` and `text` see only bytes that `need` has brought.
 */
import type { FileHandle } from 'node:fs/promises';

/** Bytes of the window, and so the most that `need` and `text` take. */
export const WINDOW = 64 * 1024;
/** Of a varint of 64 bits. */
export const MAX_VARINT_BYTES = 10;

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** The bytes are not what the format allows. `at` is their place in the file. */
export class WireError extends Error {
  constructor(
    readonly at: number,
    what: string,
  ) {
    super(what);
    this.name = 'WireError';
  }
}

export class WireReader {
  /** Where the next byte is read, in the file. */
  position = 0;
  private readonly window: Buffer;
  private from = 0;
  private filled = 0;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
  ) {
    this.window = Buffer.allocUnsafe(Math.min(WINDOW, size));
  }

  /** Whether `count` bytes, or all that are left of the file, can be read without `need`. */
  has(count: number): boolean {
    const end = Math.min(this.position + count, this.size);
    return this.position >= this.from && end <= this.from + this.filled;
  }

  /** Brings the next `count` bytes, or all that are left, into the window. `count` is WINDOW at most. */
  async need(count: number): Promise<void> {
    if (this.has(count)) return;
    this.from = this.position;
    this.filled = 0;
    const wanted = Math.min(this.window.length, this.size - this.from);
    while (this.filled < wanted) {
      const { bytesRead } = await this.file.read(
        this.window,
        this.filled,
        wanted - this.filled,
        this.from + this.filled,
      );
      if (bytesRead === 0) throw new WireError(this.size, 'the file became shorter while it was read');
      this.filled += bytesRead;
    }
  }

  /** An unsigned number, beyond 2^53 not exact: below 0 it was if it is 2^63 or more. @throws WireError where it does not end before `end`. */
  varint(end: number): number {
    const start = this.position;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MAX_VARINT_BYTES && this.position < end; i++) {
      const byte = this.window[this.position++ - this.from]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new WireError(start, 'a number does not end');
  }

  /** `length` bytes as UTF-8; they must be in the window. */
  text(length: number): string {
    const at = this.position - this.from;
    this.position += length;
    return this.window.toString('utf8', at, at + length);
  }
}
