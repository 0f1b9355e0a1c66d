/**
 * How far two answers to one row are apart, by the measure of their dtype.
 *
 * Sources of the tolerances: float kernels differ by about 1e-6 of the largest value between batch sizes (docs/export.md,
 * parity); float16 has 11 bits; a quantized model may round one value to the next of 255 steps.
 */
import { fromFloat16Bits } from '../../tensor/float16.js';
import { elementCount, type Dtype } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/frame.js';
import { isFloat } from './made-up/tensor-values.js';

export interface Difference {
  output: string;
  /** Largest difference of two values; of what is no floating point number the share of values that differ. */
  by: number;
  /** Largest value among all answers to plausible rows; 1 of what is no floating point number. */
  size: number;
}

/** Parts of the largest value. `alone`: in runs of different sizes; `beside`: in runs of one size. */
export interface Tolerances {
  alone: Partial<Record<Dtype, number>> & { other: number };
  beside: Partial<Record<Dtype, number>> & { other: number };
}

const STEP = 2e-2;
/** A class map of many pixels has some on the edge between two classes. */
const SHARE = 1e-3;
const BESIDE: Tolerances['beside'] = { float32: 1e-5, float16: 1e-3, float64: 1e-9, other: 0 };
/** Neighbours decide how long texts are made, and so what kernels sum up. */
const BESIDE_PADDED: Tolerances['beside'] = { float32: 1e-4, float16: 1e-2, float64: 1e-7, other: 0 };

export function tolerancesOf({ isQuantized, isPadded }: { isQuantized: boolean; isPadded: boolean }): Tolerances {
  const alone = isQuantized
    ? { float32: STEP, float16: STEP, float64: STEP, other: STEP }
    : { float32: 5e-3, float16: STEP, float64: 1e-5, other: SHARE };
  return { alone, beside: isPadded ? BESIDE_PADDED : BESIDE };
}

/** The largest finite value of each output, so that differences have a measure. */
export class Sizes {
  private readonly largest = new Map<string, number>();

  add(outputs: readonly Tensor[]): void {
    for (const tensor of outputs) {
      const value = numbersOf(tensor);
      if (!value) continue;
      let largest = this.of(tensor.name);
      for (let i = 0; i < tensor.data.length; i++) {
        const size = Math.abs(value(i));
        if (size > largest && size < Infinity) largest = size;
      }
      this.largest.set(tensor.name, largest);
    }
  }

  of(output: string): number {
    return this.largest.get(output) ?? 0;
  }
}

/** The difference that is furthest beyond its tolerance; undefined when all are within. */
export function differenceOf(
  got: readonly Tensor[],
  want: readonly Tensor[],
  measure: { sizes: Sizes; tolerances: Tolerances['alone'] },
): Difference | undefined {
  for (const [i, one] of want.entries()) {
    const other = got[i]!;
    const size = isFloat(one.dtype) ? measure.sizes.of(one.name) : 1;
    const by = apart(other, one);
    const tolerance = measure.tolerances[one.dtype] ?? measure.tolerances.other;
    // Where all answers are nothing, what is left of rounding is no difference.
    if (by > tolerance * size && by > Number.MIN_VALUE * 2 ** 60) return { output: one.name, by, size };
  }
  return undefined;
}

/** The first output that holds NaN. */
export function nanIn(outputs: readonly Tensor[]): string | undefined {
  return outputs.find((tensor) => {
    const value = numbersOf(tensor);
    return value !== undefined && someIndex(tensor.data.length, (i) => Number.isNaN(value(i)));
  })?.name;
}

function apart(got: Tensor, want: Tensor): number {
  if (elementCount(got.shape) !== elementCount(want.shape)) return Infinity;
  const one = numbersOf(got);
  const other = numbersOf(want);
  const count = want.data.length;
  if (!one || !other) {
    let unequal = 0;
    for (let i = 0; i < count; i++) if (got.data[i] !== want.data[i]) unequal++;
    return count === 0 ? 0 : unequal / count;
  }
  let most = 0;
  for (let i = 0; i < count; i++) {
    const a = one(i);
    const b = other(i);
    if (Object.is(a, b) || a === b) continue;
    const by = Math.abs(a - b);
    // NaN or an infinity on one side alone.
    if (!(by < Infinity)) return Infinity;
    if (by > most) most = by;
  }
  return most;
}

/** How to read its values; undefined of what is not floating point. */
function numbersOf({ dtype, data }: Tensor): ((index: number) => number) | undefined {
  if (dtype === 'float16') return (i) => fromFloat16Bits((data as Uint16Array)[i]!);
  return isFloat(dtype) ? (i) => (data as Float32Array)[i]! : undefined;
}

function someIndex(count: number, is: (index: number) => boolean): boolean {
  for (let i = 0; i < count; i++) if (is(i)) return true;
  return false;
}
