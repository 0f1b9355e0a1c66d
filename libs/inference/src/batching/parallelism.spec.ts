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
    expect(packsWorthSending(0, 64, { alpha: 33 })).toBe(0);
  });
});

describe('packs worth sending', () => {
  it('are two for each slot in use', () => {
    expect(packsWorthSending(2, 16, { alpha: 33 })).toBe(4);
    expect(packsWorthSending(3, 0, undefined)).toBe(6);
  });

  it('are two for a few callers of a tiny model and one for a crowd, whose next pack is better larger than earlier', () => {
    expect(packsWorthSending(2, 2, { alpha: 0.015 })).toBe(2);
    expect(packsWorthSending(2, 64, { alpha: 0.015 })).toBe(1);
  });
});
