/**
 * The vectors of a text's tokens to the one of the text, in double precision, and to length 1: as the modules Pooling
 * and Normalize of sentence-transformers do (https://www.sbert.net/docs/package_reference/sentence_transformer/models.html).
 */
import type { EmbeddingSpec } from '../../../packages/manifest.js';
import { fromFloat16Bits } from '../../../tensor/float16.js';
import { sliceRows, type Tensor } from '../../../tensor/frame.js';

/** Which of a row's tokens count: the first so many, or each as the model's mask says; all where it has none. */
export type Mask = number | Tensor | undefined;

/** As there, so that a text of no tokens, and a vector of zeros, stay zeros. */
const LEAST_COUNT = 1e-9;
const LEAST_NORM = 1e-12;

export interface PoolingOfRow {
  pooling: EmbeddingSpec['pooling'];
  row: number;
  mask: Mask;
}

/** Row `row` of an output of [rows, tokens, size], or of [rows, size] with "none", to `size` numbers. */
export function pool(output: Tensor, { pooling, row, mask }: PoolingOfRow): Float64Array {
  const size = output.shape.at(-1)!;
  const values = numbersOf(sliceRows(output, row, row + 1));
  // "cls": the first token's.
  if (pooling !== 'mean') return Float64Array.from(values.subarray(0, size));
  const weights = typeof mask === 'object' ? numbersOf(sliceRows(mask, row, row + 1)) : undefined;
  const tokens = values.length / size;
  const counted = typeof mask === 'number' ? Math.min(mask, tokens) : tokens;
  const sum = new Float64Array(size);
  let count = 0;
  for (let token = 0; token < counted; token++) {
    const weight = weights ? weights[token]! : 1;
    count += weight;
    for (let i = 0, at = token * size; i < size; i++, at++) sum[i]! += values[at]! * weight;
  }
  return sum.map((value) => value / Math.max(count, LEAST_COUNT));
}

export function normalize(vector: Float64Array): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / Math.max(norm, LEAST_NORM));
}

/** Floating point as it is, halves decoded, integers as numbers. */
function numbersOf({ dtype, data }: Tensor): Float32Array | Float64Array {
  if (dtype === 'float32' || dtype === 'float64') return data as Float32Array | Float64Array;
  if (dtype === 'float16') return Float64Array.from(data as Uint16Array, fromFloat16Bits);
  return Float64Array.from(data as ArrayLike<unknown>, Number);
}
