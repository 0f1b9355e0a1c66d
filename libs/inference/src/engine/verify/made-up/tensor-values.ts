/** Values of one tensor, by kind and dtype. */
import type { TensorSpec } from '../../../contract/model-description.js';
import { allocate, elementCount, INTEGER_RANGES, type Dtype } from '../../../tensor/dtype.js';
import { toFloat16Bits } from '../../../tensor/float16.js';
import type { Tensor } from '../../../tensor/frame.js';
import type { Random } from './random.js';

export type Kind = 'random' | 'zeros' | 'ones' | 'large' | 'large negative';

/** How values of a tensor may look: found by trying, for a file says nothing of it. */
export interface Range {
  /** Of whole numbers and bools: 0 to this. */
  high: number;
  /** Of random floating point numbers. */
  spread: 'normal' | 'uniform';
}

/** Within float16, and far from where anybody's values lie. */
const LARGE = 1e4;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz ';

export function isFloat(dtype: Dtype): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16';
}

/** The largest number that is worth trying in a tensor of whole numbers. */
export function highest(dtype: Dtype): number {
  return dtype === 'bool' ? 1 : (INTEGER_RANGES[dtype]?.[1] ?? Infinity);
}

export interface Filling {
  kind: Kind;
  range: Range;
  random: Random;
}

export function filled({ name, dtype }: TensorSpec, shape: number[], how: Filling): Tensor {
  const count = elementCount(shape);
  if (dtype === 'string') return { name, dtype, shape, data: Array.from({ length: count }, () => textOf(how)) };
  const data = allocate(dtype, count);
  const next = isFloat(dtype) ? floatOf(how) : wholeOf(how);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < count; i++) data[i] = BigInt(next());
  } else if (dtype === 'float16') for (let i = 0; i < count; i++) data[i] = toFloat16Bits(next());
  else for (let i = 0; i < count; i++) data[i] = next();
  return { name, dtype, shape, data };
}

function floatOf({ kind, range, random }: Filling): () => number {
  const constants = { zeros: 0, ones: 1, large: LARGE, 'large negative': -LARGE };
  if (kind !== 'random') return () => constants[kind];
  return range.spread === 'normal' ? () => random.normal() : () => random.uniform();
}

function wholeOf({ kind, range: { high }, random }: Filling): () => number {
  const constants = { zeros: 0, ones: Math.min(1, high), large: high, 'large negative': 0 };
  return kind === 'random' ? () => random.upTo(high) : () => constants[kind];
}

function textOf({ kind, random }: Filling): string {
  const constants = { zeros: '', ones: 'a', large: LETTERS.repeat(32), 'large negative': ' ' };
  if (kind !== 'random') return constants[kind];
  return Array.from({ length: 1 + random.upTo(15) }, () => LETTERS[random.upTo(LETTERS.length - 1)]).join('');
}
