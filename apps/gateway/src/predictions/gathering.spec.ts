/** How long small packs of a tiny model wait for company. Times in milliseconds. */
import { Gathering } from './gathering.js';

/** Packs that came back one after the other, the last of them at 1 000. */
function after(...tookMs: number[]): Gathering {
  const gathering = new Gathering();
  tookMs.forEach((took, i) => gathering.back(took, 1_001 - tookMs.length + i));
  return gathering;
}

function packs(tookMs: number, count: number): number[] {
  return Array.from({ length: count }, () => tookMs);
}

it('sends at once before anything is known, and while packs come back about as fast as they can', () => {
  expect(new Gathering().leftMs(1_000, 1_000)).toBe(0);
  expect(after(4, ...packs(7, 40)).leftMs(1_000, 1_000)).toBe(0);
});

it('gathers the longer the slower packs have become, and no longer than 20 ms', () => {
  const left = (slow: number): number => {
    const gathering = after(4, ...packs(slow, 40));
    // Others keep arriving.
    return [0, 3, 6, 9, 12, 15, 18, 21].filter((ms) => gathering.leftMs(1_000 + ms, 1_000 + ms) > 0).length * 3;
  };
  expect([9, 11, 13, 50].map(left)).toEqual([3, 9, 15, 21]);
});

it('ends soon after the last arrival, for callers who wait for their answers are all there then', () => {
  const gathering = after(4, ...packs(50, 40));
  expect(gathering.leftMs(1_000, 1_001)).toBe(3);
  expect(gathering.leftMs(1_000, 1_004)).toBe(0);
});

it('takes a pack that was lost for no more than a slow one', () => {
  const gathering = after(...packs(4, 10), 30_000);
  expect(gathering.leftMs(1_019, 1_019)).toBeGreaterThan(0);
  for (let i = 0; i < 8; i++) gathering.back(4, 1_020 + i);
  expect(gathering.leftMs(1_028, 1_028)).toBe(0);
});

it('learns anew how fast packs can be, once that has changed for good', () => {
  const gathering = after(...packs(4, 10));
  for (let second = 0; second < 90; second++) gathering.back(20, 2_000 + second * 1_000);
  expect(gathering.leftMs(91_000, 91_000)).toBe(0);
});
