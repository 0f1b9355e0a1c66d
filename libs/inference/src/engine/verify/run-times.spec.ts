/** What is made of the times of runs. */
import { RunTimes } from './run-times.js';

function of(line: (rows: number) => number, sizes: readonly number[], times = 5): RunTimes {
  const found = new RunTimes();
  for (const rows of sizes) for (let i = 0; i < times; i++) found.record(rows, line(rows));
  return found;
}

it('finds the line, and the size from which on more rows gain little', () => {
  const { alpha, beta, bestBatch, points } = of((rows) => 2 * rows + 30, [1, 2, 4, 8, 16, 32, 64, 128, 256]).profile();
  expect(alpha).toBeCloseTo(2, 2);
  expect(beta).toBeCloseTo(30, 1);
  // 256 rows take 542 ms; 95 % of that rate is reached by (2n + 30) / n <= 2.117 / 0.95, from 131 rows on.
  expect(bestBatch).toBe(256);
  expect(points[0]).toEqual({ rows: 1, ms: 32 });
});

it('says 1 where rows gain nothing from company', () => {
  expect(of((rows) => 3 * rows, [1, 2, 4, 8]).profile().bestBatch).toBe(1);
});

it('takes the middle of the times of a size', () => {
  const times = of(() => 10, [1, 2], 4);
  times.record(1, 500);
  expect(times.profile().points).toEqual([
    { rows: 1, ms: 10 },
    { rows: 2, ms: 10 },
  ]);
});

it('expects a run to last as the line through the smallest and the largest says', () => {
  expect(new RunTimes().estimate(5)).toBe(0);
  expect(of(() => 7, [1]).estimate(5)).toBe(35);
  expect(of((rows) => rows + 10, [1, 2, 7]).estimate(32)).toBeCloseTo(42);
  expect(of(() => 10, [1, 7]).estimate(1_000)).toBe(10);
});

it('makes a line of few points, never with a time below nothing', () => {
  const { alpha, beta } = of((rows) => rows * rows, [1, 4], 1).profile();
  expect(alpha).toBe(5);
  expect(beta).toBe(0);
});
