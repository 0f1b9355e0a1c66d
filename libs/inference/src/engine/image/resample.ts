/**
 * Bilinear resampling with antialiasing, the same bytes as Pillow's `resize(..., BILINEAR)`, of the wanted part alone:
 * what lies outside the crop is never computed.
 *
 * Invariants: two passes with an 8-bit picture between them, horizontal first except for tall pictures, as in Pillow 13
 * (where Pillow chooses otherwise, for some changes of aspect, values differ by 1 at most); an axis whose size is
 * already right is not resampled.
 */
import { bilinear, type Filter } from './filter.js';
import type { Size } from './geometry.js';
import { horizontalPass, verticalPass } from './passes.js';
import type { Pixels } from './pixels.js';

export interface Region extends Size {
  left: number;
  top: number;
}

/** `region` must lie inside `resized`, the size of the whole resized picture. */
export function resample(source: Pixels, resized: Size, region: Region): Pixels {
  const columns = bilinear({ source: source.width, resized: resized.width, from: region.left, count: region.width });
  const rows = bilinear({ source: source.height, resized: resized.height, from: region.top, count: region.height });
  const across = source.width !== resized.width;
  const down = source.height !== resized.height;
  if (!across && !down) return cut(source, region);
  if (!across) return verticalPass(source, rows, region);
  if (!down) return horizontalPass(rowsOf(source, region.top, region.height), columns);
  if (source.height > 2 * source.width && resized.height < source.height) {
    const reach = reachOf(columns, source.width);
    const left = reach.from;
    return horizontalPass(verticalPass(source, rows, { left, width: reach.count }), from(columns, left));
  }
  const reach = reachOf(rows, source.height);
  const narrowed = horizontalPass(rowsOf(source, reach.from, reach.count), columns);
  return verticalPass(narrowed, from(rows, reach.from), { left: 0, width: region.width });
}

/** Which source samples a filter looks at. */
function reachOf({ starts, taps }: Filter, source: number): { from: number; count: number } {
  const first = starts[0]!;
  return { from: first, count: Math.min(source, starts.at(-1)! + taps) - first };
}

/** The same filter over a source that begins at `origin`. */
function from(filter: Filter, origin: number): Filter {
  return { ...filter, starts: filter.starts.map((start) => start - origin) };
}

function rowsOf(source: Pixels, top: number, height: number): Pixels {
  const row = source.width * source.channels;
  return { ...source, height, data: source.data.subarray(top * row, (top + height) * row) };
}

function cut(source: Pixels, { left, top, width, height }: Region): Pixels {
  if (width === source.width) return rowsOf(source, top, height);
  const { channels } = source;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const at = ((top + y) * source.width + left) * channels;
    data.set(source.data.subarray(at, at + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}
