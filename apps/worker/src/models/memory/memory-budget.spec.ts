/** Who gives way, by use, by names in routes, by how long it has been there. */
import fc from 'fast-check';
import { giveWay, stayMs, type Occupant } from './memory-budget.js';

const NOW = 1_000_000;
const held = (key: string, more: Partial<Occupant> = {}): Occupant => ({
  key,
  bytes: 10,
  isIdle: true,
  isNamed: false,
  readyAt: 0,
  usedAt: 0,
  loadMs: 0,
  ...more,
});
const need = (bytes: number, isUrgent = false) => ({ bytes, now: NOW, isUrgent });

describe('what gives way', () => {
  it('is the least recently used first, and no more than is needed', () => {
    const all = [held('a', { usedAt: 3 }), held('b', { usedAt: 1 }), held('c', { usedAt: 2 })];
    expect(giveWay(all, need(10))).toEqual(['b']);
    expect(giveWay(all, need(11))).toEqual(['b', 'c']);
    expect(giveWay(all, need(31))).toBeUndefined();
  });

  it('is not a small one where a large one alone is enough', () => {
    expect(giveWay([held('small', { bytes: 1, usedAt: 1 }), held('large', { usedAt: 2 })], need(10))).toEqual([
      'large',
    ]);
  });

  it('is what a route names only when nothing else is left', () => {
    const all = [held('default', { isNamed: true, usedAt: 1 }), held('other', { usedAt: 2 })];
    expect(giveWay(all, need(10))).toEqual(['other']);
    expect(giveWay(all, need(20))).toEqual(['other', 'default']);
  });

  it('is not one that is busy, unless the need is urgent; then the one that has been there longest', () => {
    const busy = (key: string, readyAt: number) => held(key, { isIdle: false, readyAt });
    const all = [busy('a', 5), busy('b', 3)];
    expect(giveWay(all, need(10))).toBeUndefined();
    expect(giveWay(all, need(10, true))).toEqual(['b']);
  });

  it('is not one that has just come: it stays as long as its load is worth, longer while it is busy', () => {
    const stays = (isIdle: boolean) => [0, 1_000, 60_000].map((loadMs) => stayMs({ loadMs, isIdle }));
    expect([stays(true), stays(false)]).toEqual([
      [500, 1_000, 5_000],
      [2_000, 4_000, 15_000],
    ]);
    for (const isIdle of [true, false]) {
      const stay = stayMs({ loadMs: 1_000, isIdle });
      const young = held('a', { readyAt: NOW - stay + 1, loadMs: 1_000, isIdle });
      expect(giveWay([young], need(1, true))).toBeUndefined();
      expect(giveWay([{ ...young, readyAt: NOW - stay }], need(1, true))).toEqual(['a']);
    }
  });

  it('makes room or stays as it is, with nothing in it that could stay', () => {
    const some = fc.array(
      fc.record({
        bytes: fc.integer({ min: 1, max: 50 }),
        isIdle: fc.boolean(),
        usedAt: fc.nat(),
        isNamed: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 200 }), fc.boolean(), (list, bytes, isUrgent) => {
        const all = list.map((each, i) => held(String(i), each));
        const able = all.filter(({ isIdle }) => isIdle || isUrgent);
        const chosen = giveWay(all, need(bytes, isUrgent));
        const sum = (of: Occupant[]): number => of.reduce((total, each) => total + each.bytes, 0);
        if (!chosen) return sum(able) < bytes;
        const given = all.filter(({ key }) => chosen.includes(key));
        const freed = sum(given);
        return freed >= bytes && given.every((each) => (each.isIdle || isUrgent) && freed - each.bytes < bytes);
      }),
    );
  });
});
