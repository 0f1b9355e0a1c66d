/** Answers of two versions, side by side. */
import { encodeFrame, type Tensor } from '#inference';
import { differenceOf, type Output } from './difference.js';

const floats = (...values: number[]): Tensor => ({
  name: 'y',
  dtype: 'float32',
  shape: [1, values.length],
  data: new Float32Array(values),
});
const frame = (...tensors: Tensor[]): Output => ({ type: 'tensors', bytes: encodeFrame(tensors) });
const json = (value: unknown): Output => ({ type: 'json', bytes: Buffer.from(JSON.stringify(value)) });
const longs = (...values: bigint[]): Tensor => ({
  name: 'y',
  dtype: 'int64',
  shape: [values.length],
  data: new BigInt64Array(values),
});
const strings = (...data: string[]): Tensor => ({ name: 'y', dtype: 'string', shape: [data.length], data });

it.each<[string, Output[], Output[], number]>([
  ['the same tensors', [frame(floats(1, -2))], [frame(floats(1, -2))], 0],
  ['a difference', [frame(floats(1, -2))], [frame(floats(1, -1.5))], 0.25],
  ['a difference in the second tensor', [frame(floats(1), floats(4))], [frame(floats(1), floats(3))], 0.25],
  ['a difference larger than the answer', [frame(floats(0.5))], [frame(floats(9))], 1],
  ['anything against zeros', [frame(floats(0, 0))], [frame(floats(0, 0.1))], 1],
  ['NaN in both', [frame(floats(NaN, 1))], [frame(floats(NaN, 1))], 0],
  ['NaN in one', [frame(floats(NaN, 1))], [frame(floats(1, 1))], 1],
  ['infinity in both', [frame(floats(Infinity, 1))], [frame(floats(Infinity, 1))], 0],
  ['another shape', [frame(floats(1))], [frame(floats(1, 2))], 1],
  ['another number of tensors', [frame(floats(1))], [frame(floats(1), floats(1))], 1],
  ['64-bit integers', [frame(longs(4n, 2n))], [frame(longs(3n, 2n))], 0.25],
  ['strings', [frame(strings('a', 'b'))], [frame(strings('a', 'c'))], 1],
  ['the same strings', [frame(strings('a'))], [frame(strings('a'))], 0],
  ['the same class by another score', [json({ prediction: 3, score: 0.9 })], [json({ prediction: 3, score: 0.6 })], 0],
  ['another class', [json({ prediction: 3, score: 0.9 })], [json({ prediction: 4, score: 0.9 })], 1],
  [
    'classes in a list',
    [json([{ prediction: 3 }, { prediction: 1 }])],
    [json([{ prediction: 3 }, { prediction: 2 }])],
    1,
  ],
  ['a class and none', [json({ prediction: 3 })], [json({ boxes: [] })], 1],
  ['the same JSON in another order', [json({ a: 1, b: ['x'] })], [json({ b: ['x'], a: 1 })], 0],
  ['numbers in JSON', [json({ a: [2, 4], b: null })], [json({ a: [2, 3], b: null })], 0.25],
  ['words in JSON', [json({ a: 'x' })], [json({ a: 'y' })], 1],
  ['more in JSON', [json({ a: 1 })], [json({ a: 1, b: 2 })], 1],
  ['longer lists in JSON', [json([1])], [json([1, 2])], 1],
  ['JSON and tensors', [json([1])], [frame(floats(1))], 1],
  ['several outputs', [json([1]), json([4])], [json([1]), json([3])], 0.25],
  ['another number of outputs', [json([1])], [json([1]), json([1])], 1],
])('%s', (...[, given, other, difference]) => {
  expect(differenceOf(given, other)).toBeCloseTo(difference, 6);
});
