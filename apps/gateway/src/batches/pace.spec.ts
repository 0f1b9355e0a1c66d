/** How long an upload pauses for those who wait. */
import { pauseAfter } from './pace.js';

it('pauses longer the more others wait, within bounds, and not at all for nobody', () => {
  const pauses = [-1, 0, 1, 16, 24, 32, 48, 64, 1_000].map((waiting) =>
    pauseAfter({ waiting, idleMs: 0, isEarly: false }),
  );
  expect(pauses).toEqual([0, 0, 1, 1, 2.25, 4, 9, 16, 20]);
});

it('pauses longest where its rows are far ahead, also between two who wait, and not once nobody has for a second', () => {
  expect(pauseAfter({ waiting: 1, idleMs: 0, isEarly: true })).toBe(20);
  expect(pauseAfter({ waiting: 0, idleMs: 999, isEarly: true })).toBe(20);
  expect(pauseAfter({ waiting: 0, idleMs: 1_000, isEarly: true })).toBe(0);
});
