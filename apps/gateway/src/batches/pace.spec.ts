/** How long an upload pauses for those who wait. */
import { pauseAfter } from './pace.js';

it('pauses longer the more others wait, within bounds, and longest where its rows are far ahead', () => {
  const pauses = [1, 32, 64, 128, 160, 1_000].map((waiting) => pauseAfter(waiting, false));
  expect(pauses).toEqual([2, 4, 8, 10, 10, 10]);
  expect(pauseAfter(1, true)).toBe(10);
});
