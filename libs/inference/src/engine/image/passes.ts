/**
 * One direction of resampling, over rows of bytes. Pictures go through the kernel's memory in strips.
 *
 * Invariants: the kernel's memory stays at about two strips unless a single row or window is larger, and is given
 * back after such a picture (WebAssembly memory never shrinks). All of it is synchronous: one kernel serves a thread.
 */
import type { Filter } from './filter.js';
import { instantiate, type Kernel } from './kernel.js';
import type { Pixels } from './pixels.js';

/** What the kernel may touch behind the end of a row. */
const SLACK = 64;
const STRIP = 1 << 20;
const KEPT = 1 << 24;
const PAGE = 1 << 16;
/** How the bytes of two neighbouring pixels become 16-bit pairs, channel by channel; 255 stands for zero. */
const PAIRING = {
  1: [0, 255, 1, ...Array<number>(13).fill(255)],
  3: [0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, ...Array<number>(5).fill(255)],
} as const;

let kept: Kernel | undefined;

/** Every row of `source` resampled to the filter's columns. */
export function horizontalPass(source: Pixels, filter: Filter): Pixels {
  const { channels, height } = source;
  const count = filter.starts.length;
  const inRow = source.width * channels;
  const outRow = count * channels;
  const result = new Uint8Array(outRow * height);
  const strip = Math.min(height, Math.max(1, Math.floor(STRIP / Math.max(inRow, outRow))));
  const [mask, starts, weights, from, to] = layout([
    16,
    count * 4,
    filter.weights.byteLength,
    strip * inRow,
    strip * outRow,
  ]);
  const { bytes, kernel } = scratch(to + strip * outRow);
  bytes.set(PAIRING[channels], mask);
  bytes.set(bytesOf(filter.starts.map((start) => start * channels)), starts);
  bytes.set(bytesOf(filter.weights), weights);
  for (let top = 0; top < height; top += strip) {
    const rows = Math.min(strip, height - top);
    bytes.set(source.data.subarray(top * inRow, (top + rows) * inRow), from);
    for (let row = 0; row < rows; row++) {
      kernel.horizontal(
        to + row * outRow,
        from + row * inRow,
        starts,
        weights,
        filter.taps / 2,
        count,
        2 * channels,
        mask,
      );
    }
    result.set(bytes.subarray(to, to + rows * outRow), top * outRow);
  }
  return { width: count, height, channels, data: result };
}

/** The filter's rows of `source`, of columns `left` to `left + width` only. */
export function verticalPass(source: Pixels, filter: Filter, { left, width }: { left: number; width: number }): Pixels {
  const { channels } = source;
  const { starts, taps } = filter;
  const count = starts.length;
  const inRow = source.width * channels;
  const row = width * channels;
  const result = new Uint8Array(row * count);
  const most = Math.max(taps, Math.floor(STRIP / row));
  const [weights, from, to] = layout([filter.weights.byteLength, most * row, row]);
  const { bytes, kernel } = scratch(to + row);
  bytes.set(bytesOf(filter.weights), weights);
  let held = { top: 0, end: 0 };
  for (let i = 0; i < count; i++) {
    const top = starts[i]!;
    const end = Math.min(top + taps, source.height);
    if (end > held.end) {
      held = { top, end: Math.min(top + most, source.height) };
      for (let y = held.top; y < held.end; y++) {
        const at = y * inRow + left * channels;
        bytes.set(source.data.subarray(at, at + row), from + (y - held.top) * row);
      }
    }
    kernel.vertical(to, from + (top - held.top) * row, weights + i * taps * 4, taps / 2, row, row);
    result.set(bytes.subarray(to, to + row), i * row);
  }
  return { width, height: count, channels, data: result };
}

/** Offsets of parts of these sizes, one behind the other with slack between them. */
function layout<Sizes extends number[]>(sizes: readonly [...Sizes]): { [Part in keyof Sizes]: number } {
  let at = 0;
  return sizes.map((size) => {
    const offset = at;
    at += Math.ceil((size + SLACK) / 16) * 16;
    return offset;
  }) as { [Part in keyof Sizes]: number };
}

function scratch(end: number): { bytes: Uint8Array; kernel: Kernel } {
  if (!kept || kept.memory.buffer.byteLength > KEPT) kept = instantiate();
  const missing = end + SLACK - kept.memory.buffer.byteLength;
  if (missing > 0) kept.memory.grow(Math.ceil(missing / PAGE));
  return { bytes: new Uint8Array(kept.memory.buffer), kernel: kept };
}

function bytesOf(values: Int32Array | Int16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
