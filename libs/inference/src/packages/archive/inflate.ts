/** Bytes through zlib, as a generator: an error on either side comes out of it, and leaving it early stops both. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileHandle } from 'node:fs/promises';

const PIECE = 64 * 1024;

export async function* through(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  // Its error destroys the transform too, where it is met below.
  const feeding = pipeline(Readable.from(bytes), transform).catch(() => undefined);
  try {
    for await (const piece of transform) yield piece as Uint8Array;
  } finally {
    transform.destroy();
    await feeding;
  }
}

/** The bytes of a file from `start` to before `end`, or to where it ends. */
export async function* rangeOf(file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  let position = start;
  while (position < end) {
    const length = Math.min(PIECE, end - position);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
