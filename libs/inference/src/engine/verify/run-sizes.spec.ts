/** Sizes of run grow up to the most that is allowed, or to what time and memory do for. */
import { RunSizes } from './run-sizes.js';

const MB = 2 ** 20;

interface Costs {
  most: number;
  msARow?: number;
  bytesARow?: number;
  /** What the process took more at its second run, whatever that was. */
  noise?: number;
}

function tried({ most, msARow = 0, bytesARow = 0, noise = 0 }: Costs): { sizes: number[]; obstacle?: string } {
  let ran = 1;
  const sizes = new RunSizes({
    most,
    times: { estimate: (rows) => rows * msARow },
    memoryBytes: 1_024 * MB,
    peakBytes: () => 100 * MB + (ran - 1) * bytesARow + (ran > 1 ? noise : 0),
  });
  const all: number[] = [];
  for (let size = sizes.next(ran); size !== undefined; size = sizes.next(ran)) {
    all.push(size);
    ran = size;
  }
  return { sizes: all, ...(sizes.obstacle !== undefined && { obstacle: sizes.obstacle }) };
}

it('go from small ones straight to the most', () => {
  expect(tried({ most: 32 })).toEqual({ sizes: [2, 3, 7, 32] });
  expect(tried({ most: 4_096 })).toEqual({ sizes: [2, 3, 7, 4_096] });
  expect(tried({ most: 5 })).toEqual({ sizes: [2, 3, 5] });
  expect(tried({ most: 1 })).toEqual({ sizes: [] });
});

it('end where a run would take too long', () => {
  expect(tried({ most: 32, msARow: 350 })).toEqual({
    sizes: [2, 3, 7, 14],
    obstacle: 'A run of 32 rows would take about 11 s.',
  });
  expect(tried({ most: 32, msARow: 9_000 })).toEqual({
    sizes: [2],
    obstacle: 'A run of 3 rows would take about 27 s.',
  });
});

it('end where a run would take too much memory', () => {
  expect(tried({ most: 32, bytesARow: 40 * MB })).toEqual({
    sizes: [2, 3, 7, 14],
    obstacle:
      'A run of 32 rows would take about 1340 MiB of memory, of 1024 MiB that a verification may take (SLUICE_CHECK_MEMORY_BYTES).',
  });
});

it('reach the most in larger and larger steps where it was not memory of the rows that grew', () => {
  const { sizes, obstacle } = tried({ most: 4_096, noise: 20 * MB });
  expect(sizes.at(-1)).toBe(4_096);
  expect(sizes).toEqual([2, 3, 7, 14, 28, 56, 112, 224, 4_096].filter((size) => sizes.includes(size)));
  expect(obstacle).toBeUndefined();
});
