/** Numbers of a tensor, whatever it holds them as. */
import { fromFloat16Bits } from '../../tensor/float16.js';
import type { Tensor } from '../../tensor/frame.js';

export type Values =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** A view where JavaScript's numbers can be read in place, else a copy; whole numbers beyond 2^53 lose their last digits. */
export function valuesOf({ name, dtype, data }: Tensor): Values {
  if (Array.isArray(data)) throw new Error(`The model's output "${name}" holds ${dtype}; expected numbers.`);
  if (dtype === 'float16') return Float32Array.from(data as Uint16Array, fromFloat16Bits);
  if (dtype === 'int64' || dtype === 'uint64') return Float64Array.from(data as BigInt64Array, Number);
  return data as Values;
}

export function isFloat(dtype: Tensor['dtype']): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'float64';
}
