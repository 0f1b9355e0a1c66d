/** How many rows share a chunk. */
import { descriptionOf } from '../../../../../test/fixtures/registry.js';
import { rowsOfChunk } from './chunk-size.js';

const model = (...shapes: (number | null)[][]) => ({
  ...descriptionOf('m', '1'),
  task: 'tensor' as const,
  outputs: shapes.map((shape, i) => ({ name: `y${i}`, dtype: 'float32' as const, shape })),
});

it('is 64, and fewer where what they answer would be too large for one key, but one at least', () => {
  expect(rowsOfChunk(model([null, 10]))).toBe(64);
  expect(rowsOfChunk(model([null, null, 768]))).toBe(64);
  expect(rowsOfChunk(model([null, 0]))).toBe(64);
  expect(rowsOfChunk(model([null, 3, 512, 512]))).toBe(10);
  expect(rowsOfChunk(model([null, 3, 512, 512], [null, 3, 512, 512]))).toBe(5);
  expect(rowsOfChunk(model([null, 64, 4_096, 4_096]))).toBe(1);
});

it('is as many as run within five seconds, in runs of the largest batch, where it is known what those take', () => {
  expect(rowsOfChunk(model([null, 10]), { alpha: 2 })).toBe(64);
  expect(rowsOfChunk(model([null, 10]), { alpha: 1_000 })).toBe(5);
  expect(rowsOfChunk(model([null, 10]), { alpha: 60_000 })).toBe(1);
  const pairs = { ...model([null, 10]), maxBatchSize: 2 };
  expect(rowsOfChunk(pairs, { alpha: 100, beta: 1_800 })).toBe(5);
});
