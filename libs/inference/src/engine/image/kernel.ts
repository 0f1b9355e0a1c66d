/**
 * The two inner loops of resampling as a WebAssembly module with 128-bit vectors, written here instruction by
 * instruction: in plain JavaScript they take four times as long.
 *
 * `horizontal(to, from, starts, weights, pairs, count, step, mask)` makes `count` pixels of one row; `starts` are byte
 * offsets, `step` is the bytes of two source pixels, `mask` points to the order in which such a pair is laid out.
 * `vertical(to, from, weights, pairs, width, stride)` makes one row of `width` bytes from rows `stride` bytes apart.
 * Invariant: both may read and write up to 16 bytes behind the end of their rows.
 */
import { LOW_BITS, WEIGHT_BITS } from './filter.js';
// prettier-ignore
import {
  add, addVectors, advance, constant, countDown, dot, get, halve, interleave,
  load32, loadLow64, loadSplat32, loadVector, locals, loopWhilePositive, moduleOf, narrowTo16, narrowTo8,
  set, shiftLeft, shiftRight, splat, storeFirst32, storeVector, swizzle, widenHigh, widenLow,
  type Code, type FunctionCode,
} from './wasm.js';

/** What is used of the platform's WebAssembly; Node's types for version 20 leave it to the DOM's. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => Memory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: { m: { m: Memory } }) => { exports: unknown };
};

export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface Kernel {
  memory: Memory;
  horizontal(...pointersAndSizes: number[]): void;
  vertical(...pointersAndSizes: number[]): void;
}

const accumulate = (sum: number, data: Code, weight: Code): Code => [
  ...get(sum), ...data, ...weight, ...dot, ...addVectors, ...set(sum),
]; // prettier-ignore
/** Upper and lower sums into one, rounded: the lower starts at one half. */
const reset = (upper: number, lower: number): Code => [
  ...constant(0), ...splat, ...set(upper), ...constant(1 << (WEIGHT_BITS - 1)), ...splat, ...set(lower),
]; // prettier-ignore
const finish = (upper: number, lower: number): Code => [
  ...get(upper), ...constant(LOW_BITS), ...shiftLeft, ...get(lower), ...addVectors, ...constant(WEIGHT_BITS), ...shiftRight,
]; // prettier-ignore

function horizontal(): FunctionCode {
  const { to, from, starts, weights, pairs, count, step, mask, at, left, order, data, upper, lower } = locals(
    ...(['to', 'from', 'starts', 'weights', 'pairs', 'count', 'step', 'mask'] as const),
    ...(['at', 'left', 'order', 'data', 'upper', 'lower'] as const),
  );
  const pair: Code = [
    ...get(at), ...loadLow64, ...get(order), ...swizzle, ...set(data),
    ...accumulate(upper, get(data), [...get(weights), ...loadSplat32(0)]),
    ...accumulate(lower, get(data), [...get(weights), ...loadSplat32(4)]),
    ...advance(at, get(step)), ...advance(weights, constant(8)), ...countDown(left),
  ]; // prettier-ignore
  const pixel: Code = [
    ...get(from), ...get(starts), ...load32, ...add, ...set(at),
    ...get(pairs), ...set(left), ...reset(upper, lower), ...loopWhilePositive(pair),
    ...get(to), ...finish(upper, lower), ...get(upper), ...narrowTo16, ...get(upper), ...narrowTo8, ...storeFirst32,
    // Half the bytes of two source pixels is the width of one output pixel.
    ...advance(to, [...get(step), ...halve]), ...advance(starts, constant(4)), ...countDown(count),
  ]; // prettier-ignore
  const body = [...get(mask), ...loadVector, ...set(order), ...loopWhilePositive(pixel)];
  return { name: 'horizontal', parameters: 8, integers: 2, vectors: 4, body };
}

function vertical(): FunctionCode {
  const { to, from, weights, pairs, width, stride, at, left, weight, first, second, high, low } = locals(
    ...(['to', 'from', 'weights', 'pairs', 'width', 'stride'] as const),
    ...(['at', 'left', 'weight', 'first', 'second', 'high', 'low'] as const),
  );
  const sums = [13, 15, 17, 19] as const;
  const widened = [
    [first, widenLow], [first, widenHigh], [second, widenLow], [second, widenHigh],
  ] as const; // prettier-ignore
  const pair: Code = [
    ...get(at), ...loadVector, ...set(first), ...advance(at, get(stride)),
    ...get(at), ...loadVector, ...set(second), ...advance(at, get(stride)),
    ...get(first), ...get(second), ...interleave(1),
    ...get(first), ...get(second), ...interleave(0), ...set(first), ...set(second),
    ...get(weight), ...loadSplat32(0), ...set(high), ...get(weight), ...loadSplat32(4), ...set(low),
    ...sums.flatMap((sum, i) => [
      ...accumulate(sum, [...get(widened[i]![0]), ...widened[i]![1]], get(high)),
      ...accumulate(sum + 1, [...get(widened[i]![0]), ...widened[i]![1]], get(low)),
    ]),
    ...advance(weight, constant(8)), ...countDown(left),
  ]; // prettier-ignore
  const block: Code = [
    ...get(from), ...set(at), ...get(weights), ...set(weight), ...get(pairs), ...set(left),
    ...sums.flatMap((sum) => reset(sum, sum + 1)), ...loopWhilePositive(pair),
    ...get(to),
    ...finish(sums[0], sums[0] + 1), ...finish(sums[1], sums[1] + 1), ...narrowTo16,
    ...finish(sums[2], sums[2] + 1), ...finish(sums[3], sums[3] + 1), ...narrowTo16, ...narrowTo8, ...storeVector,
    ...advance(to, constant(16)), ...advance(from, constant(16)), ...countDown(width, 16),
  ]; // prettier-ignore
  return { name: 'vertical', parameters: 6, integers: 3, vectors: 12, body: loopWhilePositive(block) };
}

const compiled = new WebAssembly.Module(moduleOf([horizontal(), vertical()]));

export function instantiate(): Kernel {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(compiled, { m: { m: memory } });
  return { memory, ...(exports as Pick<Kernel, 'horizontal' | 'vertical'>) };
}
