/** Items in few bytes and back. */
import fc from 'fast-check';
import { packed, place, places, unpacked } from './end-to-end.js';
import { z } from 'zod';

const shared = { type: z.string(), rows: z.number() };
const schema = z.union([
  z.object({ ...shared, ...places }).transform((items) => unpacked(items)),
  z.array(z.union([z.object({ ...shared, ...place }), z.object({ code: z.string() })])),
]);
const back = (items: object[]): unknown => schema.parse(JSON.parse(JSON.stringify(packed(items))));

const type = fc.constantFrom('json', 'tensors');
const items = fc
  .array(
    fc.record({ type, rows: fc.constantFrom(1, 1, 1, 2), length: fc.nat(2_000), gap: fc.constantFrom(0, 0, 0, 1) }),
  )
  .map((made) => {
    let end = 0;
    return made.map(({ gap, ...item }) => {
      const offset = end + gap;
      end = offset + item.length;
      return { ...item, offset };
    });
  });

describe('items that lie end to end', () => {
  it('come back as they were, whatever they are', () => {
    const some = fc.oneof(
      items,
      items.map((all) => all.map((item) => ({ ...item, type: 'json', rows: 1 }))),
      items.map((all) => all.map((item, i) => (i % 3 === 1 ? { code: 'NO' } : item))),
    );
    fc.assert(fc.property(some, (all) => expect(back(all)).toEqual(all)));
  });

  it('take a tenth of the bytes where they are alike', () => {
    const all = Array.from({ length: 64 }, (_, i) => ({ type: 'json', rows: 1, offset: 220 * i, length: 220 }));
    expect(packed(all)).toEqual({ type: 'json', rows: 1, lengths: Array(64).fill(220) });
    expect(JSON.stringify(packed(all)).length).toBeLessThan(JSON.stringify(all).length / 10);
  });

  it('stay as they are where one has failed, is of another kind, or lies elsewhere', () => {
    const one = { type: 'json', offset: 0, length: 2 };
    for (const other of [
      { code: 'NO', message: '' },
      { ...one, type: 'tensors', offset: 2 },
      { ...one, offset: 3 },
    ]) {
      expect(packed([one, other])).toEqual([one, other]);
    }
    expect(packed([one])).toEqual([one]);
    expect(packed([])).toEqual([]);
  });
});
