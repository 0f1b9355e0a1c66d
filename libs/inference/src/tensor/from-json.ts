/**
 * Nested JSON arrays to a tensor, checked value by value. A shape entry of null takes the size of the first element
 * met on that axis. Errors name the place in the caller's own words (`input[3][2]`), what came and what was expected.
 */
import { SluiceError } from '../errors.js';
import {
  allocate,
  elementCount,
  FLOAT32_LIMIT,
  INTEGER_RANGES,
  type Dtype,
  type NumericArray,
  type NumericDtype,
} from './dtype.js';
import { toFloat16Bits } from './float16.js';
import type { Tensor } from './frame.js';

export interface TensorFromJson {
  name: string;
  dtype: Dtype;
  shape: readonly (number | null)[];
  value: unknown;
  /** How the caller spells this tensor: the root of paths in errors. */
  path: string;
}

const FLOAT16_LIMIT = 65_520;

const BIG_RANGES: Partial<Record<Dtype, [bigint, bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

export function tensorFromJson({ name, dtype, shape, value, path }: TensorFromJson): Tensor {
  const sizes = measured(shape, value, path);
  const count = elementCount(sizes);
  if (dtype === 'string') {
    const data: string[] = [];
    visit({ sizes, root: value, path }, (element, at) => {
      if (typeof element !== 'string') throw wrongElement(element, dtype, at());
      data.push(element);
    });
    return { name, dtype, shape: sizes, data };
  }
  const data = allocate(dtype, count);
  const put = putter(dtype, data);
  let next = 0;
  visit({ sizes, root: value, path }, (element, at) => {
    if (!put(next++, element)) throw wrongElement(element, dtype, at());
  });
  return { name, dtype, shape: sizes, data };
}

/** The sizes of all axes: as the model states them, or as the first element on a free axis has them. */
function measured(shape: readonly (number | null)[], value: unknown, path: string): number[] {
  let at = value;
  return shape.map((size, axis) => {
    if (size !== null && axis > 0 && at === undefined) return size;
    if (!Array.isArray(at)) {
      if (at === undefined) return size ?? 0;
      throw wrongShape(path + '[0]'.repeat(axis), `${size ?? 'any number of'} values`, at);
    }
    const length = size ?? at.length;
    at = (at as unknown[])[0];
    return length;
  });
}

interface Nested {
  sizes: readonly number[];
  root: unknown;
  path: string;
}

/** Walks nested arrays of exactly these sizes and hands every element to `leaf`. */
function visit({ sizes, root, path }: Nested, leaf: (v: unknown, at: () => string) => void): void {
  const index: number[] = [];
  const at = (depth: number) =>
    path +
    index
      .slice(0, depth)
      .map((i) => `[${i}]`)
      .join('');
  const walk = (value: unknown, axis: number): void => {
    if (axis === sizes.length) {
      leaf(value, () => at(axis));
      return;
    }
    const size = sizes[axis]!;
    if (!Array.isArray(value) || value.length !== size) throw wrongShape(at(axis), `${size} values`, value);
    const last = axis === sizes.length - 1;
    for (let i = 0; i < size; i++) {
      index[axis] = i;
      if (last) leaf((value as unknown[])[i], () => at(axis + 1));
      else walk((value as unknown[])[i], axis + 1);
    }
  };
  walk(root, 0);
}

type Put = (index: number, value: unknown) => boolean;

/** Writes one element, or says that it does not fit the dtype. */
function putter(dtype: NumericDtype, data: NumericArray): Put {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return bigPutter(dtype, data);
  if (dtype === 'bool') {
    return (i, v) => {
      if (v !== true && v !== false && v !== 0 && v !== 1) return false;
      data[i] = v ? 1 : 0;
      return true;
    };
  }
  if (dtype === 'float16') {
    return (i, v) => {
      if (typeof v !== 'number' || !(Math.abs(v) < FLOAT16_LIMIT)) return false;
      data[i] = toFloat16Bits(v);
      return true;
    };
  }
  const range = INTEGER_RANGES[dtype];
  if (range) {
    return (i, v) => {
      if (!Number.isInteger(v) || (v as number) < range[0] || (v as number) > range[1]) return false;
      data[i] = v as number;
      return true;
    };
  }
  const limit = dtype === 'float32' ? FLOAT32_LIMIT : Infinity;
  return (i, v) => {
    // JSON has no infinity, but 1e999 reads as one.
    if (typeof v !== 'number' || !(Math.abs(v) < limit)) return false;
    data[i] = v;
    return true;
  };
}

/** 64-bit integers come as numbers while those are exact, and as strings of digits beyond. */
function bigPutter(dtype: NumericDtype, data: BigInt64Array | BigUint64Array): Put {
  const [min, max] = BIG_RANGES[dtype]!;
  return (i, v) => {
    const exact = Number.isSafeInteger(v) || (typeof v === 'string' && /^-?\d{1,20}$/.test(v));
    if (!exact) return false;
    const big = BigInt(v as number | string);
    if (big < min || big > max) return false;
    data[i] = big;
    return true;
  };
}

function wrongElement(value: unknown, dtype: Dtype, path: string): SluiceError {
  const hint = dtype === 'int64' || dtype === 'uint64' ? ' Integers beyond 2^53 go as strings of digits.' : '';
  return new SluiceError(
    'INPUT_INVALID',
    `${path} is ${described(value)}; a value that fits ${dtype} was expected.${hint}`,
  );
}

function wrongShape(path: string, expected: string, value: unknown): SluiceError {
  return new SluiceError('INPUT_INVALID', `${path} is ${described(value)}; an array of ${expected} was expected.`);
}

/** What came, short enough for an error and without echoing a caller's data at length. */
export function described(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length} values`;
  if (typeof value === 'string')
    return value.length <= 24 ? `the string ${JSON.stringify(value)}` : `a string of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return 'an object';
}
