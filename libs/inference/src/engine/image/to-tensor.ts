/**
 * Pixels to a normalised tensor row, by one table of 256 values for each channel, computed once for each model.
 *
 * Invariant: the values are those of torchvision in float32, bit for bit: `((u8 * scale) - mean) / std`, rounded at
 * every step, where the product with `scale` is taken in double first (in float32, 126 of 256 values of u8/255 differ).
 */
import { toFloat16Bits } from '../../tensor/float16.js';
import type { Pixels } from './pixels.js';

export interface Normalisation {
  color: 'RGB' | 'BGR' | 'GRAY';
  scale: number;
  /** In the order of `color`, like `std`. */
  mean: readonly number[];
  std: readonly number[];
  layout: 'NCHW' | 'NHWC';
}

export type PixelDtype = 'float32' | 'float16';
type Table = Float32Array | Uint16Array;
export type ToTensor = (pixels: Pixels) => Table;

export function toTensor(spec: Normalisation, dtype: PixelDtype): ToTensor {
  const channels = spec.color === 'GRAY' ? 1 : 3;
  const tables = Array.from({ length: channels }, (_, channel) => tableOf(spec, dtype, channel));
  return ({ width, height, data }) => {
    const area = width * height;
    const tensor = dtype === 'float16' ? new Uint16Array(area * channels) : new Float32Array(area * channels);
    if (channels === 1) one(data, tensor, tables);
    else three(data, tensor, { tables, bgr: spec.color === 'BGR', plane: spec.layout === 'NCHW' ? area : 1 });
    return tensor;
  };
}

function one(data: Uint8Array, tensor: Table, tables: readonly Table[]): void {
  const table = tables[0]!;
  for (let i = 0; i < tensor.length; i++) tensor[i] = table[data[i]!]!;
}

/** `plane` is the distance between the channels of a pixel: the area, or 1 where channels come last. */
function three(data: Uint8Array, tensor: Table, how: { tables: readonly Table[]; bgr: boolean; plane: number }): void {
  const { bgr, plane } = how;
  const [first, second, third] = how.tables as [Table, Table, Table];
  const step = plane === 1 ? 3 : 1;
  const red = bgr ? 2 : 0;
  const blue = 2 - red;
  for (let from = 0, to = 0; from < data.length; from += 3, to += step) {
    tensor[to] = first[data[from + red]!]!;
    tensor[to + plane] = second[data[from + 1]!]!;
    tensor[to + 2 * plane] = third[data[from + blue]!]!;
  }
}

function tableOf(spec: Normalisation, dtype: PixelDtype, channel: number): Table {
  const { fround } = Math;
  const mean = fround(spec.mean[channel]!);
  const std = fround(spec.std[channel]!);
  const values = Float32Array.from({ length: 256 }, (_, u8) => fround(fround(u8 * spec.scale) - mean) / std);
  return dtype === 'float32' ? values : Uint16Array.from(values, toFloat16Bits);
}
