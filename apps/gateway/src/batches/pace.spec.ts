/** How long an upload pauses for those who wait. */
import { pauseAfter } from './pace.js';

it('pauses longer the more others wait, within bounds, and longest where its rows are far ahead', () => {
  const pauses = [1, 16, 24, 32, 48, 64, 1_000].map((waiting) => pauseAfter(waiting, false));
  expect(pauses).toEqual([1, 1, 2.25, 4, 9, 16, 20]);
  expect(pauseAfter(1, true)).toBe(20);
});
