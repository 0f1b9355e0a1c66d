import { packsWorthSending, slotsWorthUsing } from './parallelism.js';

describe('slots worth using', () => {
  it('are all of them until something is known, and for work of milliseconds per row', () => {
    expect(slotsWorthUsing(8, 1, undefined)).toBe(8);
    expect(slotsWorthUsing(8, 16, { alpha: 33 })).toBe(8);
  });

  it('are one for work of microseconds, and more as it grows', () => {
    expect(slotsWorthUsing(8, 64, { alpha: 0.015 })).toBe(1);
    expect(slotsWorthUsing(8, 1_000, { alpha: 0.015 })).toBe(8);
    expect(slotsWorthUsing(8, 200, { alpha: 0.015 })).toBe(2);
  });

  it('are none where there are none', () => {
    expect(slotsWorthUsing(0, 64, { alpha: 33 })).toBe(0);
    expect(packsWorthSending(0, { waiting: 64, out: 0 }, { alpha: 33 })).toBe(0);
  });
});

describe('packs worth sending', () => {
  it('are two for each slot in use', () => {
    expect(packsWorthSending(2, { waiting: 8, out: 8 }, { alpha: 33 })).toBe(4);
    expect(packsWorthSending(3, { waiting: 0, out: 0 }, undefined)).toBe(6);
  });

  it('are one for a tiny model, until what waits is a pack of its own beside what is out', () => {
    expect(packsWorthSending(2, { waiting: 1, out: 0 }, { alpha: 0.015 })).toBe(1);
    expect(packsWorthSending(2, { waiting: 15, out: 1 }, { alpha: 0.015 })).toBe(1);
    expect(packsWorthSending(2, { waiting: 16, out: 1 }, { alpha: 0.015 })).toBe(2);
    expect(packsWorthSending(2, { waiting: 30, out: 34 }, { alpha: 0.015 })).toBe(2);
    expect(packsWorthSending(2, { waiting: 19, out: 40 }, { alpha: 0.015 })).toBe(1);
  });
});
