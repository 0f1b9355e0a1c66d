/**
 * Reads a nested JSON array of numbers straight from its bytes into a tensor: the common body of a request, read in a
 * fifth of the time that JSON.parse and a walk over its arrays take.
 *
 * Invariant: whatever it accepts, `tensorFromJson` accepts and gives the same bits for; whatever is unusual or wrong
 * (strings, booleans, null, a ragged or empty array, a value that does not fit) it leaves to that function, which also
 * has the words for the caller. Numbers are rounded as JSON.parse rounds them (Clinger, "How to read floating point
 * numbers accurately", 1990: up to 15 digits and a power of ten up to 22 make one exact division).
 */
import { allocate, elementCount, FLOAT32_LIMIT, INTEGER_RANGES, type Dtype } from './dtype.js';
import type { Tensor } from './frame.js';

export interface NumbersInJson {
  name: string;
  dtype: Dtype;
  /** Sizes of all axes; null takes the size that is met first. At least one axis. */
  shape: readonly (number | null)[];
}

export interface FoundNumbers {
  tensor: Tensor;
  /** Of the first byte behind the array. */
  end: number;
}

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const EXACT_DIGITS = 15;
const MOST_DIGITS = 18;
/** More than the rounding of 18 digits, one multiplication a digit and one division can be off by. */
const DOUBT = 2 ** -47;
const FIRST_NUMBERS = 1 << 12;
const KEPT_NUMBERS = 1 << 18;

let numbers = new Float64Array(FIRST_NUMBERS);

/** Undefined when the array has to be read the other way. `at` is the place of its opening bracket. */
export function numbersInJson(
  bytes: Buffer,
  at: number,
  { name, dtype, shape }: NumbersInJson,
): FoundNumbers | undefined {
  const range = INTEGER_RANGES[dtype];
  if (dtype !== 'float32' && dtype !== 'float64' && !range) return undefined;
  const sizes = [...shape];
  const end = scan(bytes, at, { sizes, limit: dtype === 'float32' ? FLOAT32_LIMIT : Infinity });
  const found = numbers;
  if (numbers.length > KEPT_NUMBERS) numbers = new Float64Array(FIRST_NUMBERS);
  if (end < 0) return undefined;
  const kind = dtype as 'float32' | 'float64' | 'int32';
  const data = allocate(kind, elementCount(sizes as number[])) as Float32Array;
  const values = found.subarray(0, data.length);
  if (range && !areIntegers(values, range)) return undefined;
  data.set(values);
  return { tensor: { name, dtype: kind, shape: sizes as number[], data }, end };
}

function areIntegers(values: Float64Array, [min, max]: [number, number]): boolean {
  for (const value of values) if (!Number.isInteger(value) || value < min || value > max) return false;
  return true;
}

interface Wanted {
  /** Free ones are filled in. */
  sizes: (number | null)[];
  /** What absolute values must stay below; that of float32 also allows what is right once it is rounded to that. */
  limit: number;
}

/**
 * The array's numbers go into `numbers`; the place behind it comes back, or -1. One loop over bytes, with everything in
 * local variables: a call for each number would cost more than the number.
 */
function scan(bytes: Buffer, start: number, { sizes, limit }: Wanted): number {
  const isSingle = limit !== Infinity;
  const counts = sizes.map(() => 0);
  const rank = sizes.length;
  let into = numbers;
  let count = 0;
  let depth = 0;
  let at = start;
  let byte = bytes[at]!;
  for (;;) {
    while (byte <= 0x20 && isBlank(byte)) byte = bytes[++at]!;
    if (depth < rank) {
      if (byte !== 0x5b) return -1;
      counts[depth++] = 0;
      byte = bytes[++at]!;
      continue;
    }
    const first = at;
    const isNegative = byte === 0x2d;
    if (isNegative) byte = bytes[++at]!;
    const whole = at;
    // Nine digits at a time, for those are added up as integers.
    let value = 0;
    let nine = 0;
    let inNine = 0;
    let point = -1;
    for (;;) {
      if (byte >= 0x30 && byte <= 0x39) {
        nine = nine * 10 + (byte - 0x30);
        if (++inNine === 9) {
          value = value * 1e9 + nine;
          nine = 0;
          inNine = 0;
        }
      } else if (byte === 0x2e && point < 0) point = at;
      else break;
      byte = bytes[++at]!;
    }
    value = value * POWERS[inNine]! + nine;
    const wholeDigits = (point < 0 ? at : point) - whole;
    const decimals = point < 0 ? 0 : at - point - 1;
    if (wholeDigits === 0 || (wholeDigits > 1 && bytes[whole] === 0x30) || (point >= 0 && decimals === 0)) return -1;
    const digits = wholeDigits + decimals - (bytes[whole] === 0x30 ? 1 : 0);
    const hasExponent = byte === 0x65 || byte === 0x45;
    if (hasExponent) {
      at = behindExponent(bytes, at);
      if (at < 0) return -1;
      byte = bytes[at]!;
    }
    if (!hasExponent && digits <= EXACT_DIGITS) value /= POWERS[decimals]!;
    else if (!hasExponent && isSingle && digits <= MOST_DIGITS && isCertain(value / POWERS[decimals]!))
      value /= POWERS[decimals]!;
    else {
      value = Math.abs(Number(bytes.toString('latin1', first, at)));
      if (!(value < limit)) return -1;
    }
    if (count === into.length) into = doubled();
    into[count++] = isNegative ? -value : value;
    for (;;) {
      while (byte <= 0x20 && isBlank(byte)) byte = bytes[++at]!;
      const size = ++counts[depth - 1]!;
      if (byte === 0x2c) break;
      if (byte !== 0x5d) return -1;
      depth--;
      if ((sizes[depth] ??= size) !== size) return -1;
      byte = bytes[++at]!;
      if (depth === 0) return at;
    }
    byte = bytes[++at]!;
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** -1 when there are no digits behind the E. */
function behindExponent(bytes: Buffer, e: number): number {
  let at = e + 1;
  if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
  const digits = at;
  while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at === digits ? -1 : at;
}

/** Whether everything within doubt of this double is the same float32. */
function isCertain(value: number): boolean {
  return Math.fround(value * (1 - DOUBT)) === Math.fround(value * (1 + DOUBT));
}

function doubled(): Float64Array<ArrayBuffer> {
  const more = new Float64Array(numbers.length * 2);
  more.set(numbers);
  return (numbers = more);
}
