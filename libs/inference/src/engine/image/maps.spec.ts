/** Class maps come out of their encoded forms exactly as they went in. */
import fc from 'fast-check';
import { grayOf } from '../../../../../test/fixtures/pictures.js';
import { grayPng } from './png.js';
import { runLengths } from './rle.js';

const maps = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })).chain(([width, height]) =>
  fc.record({
    width: fc.constant(width),
    height: fc.constant(height),
    data: fc.uint8Array({ minLength: width * height, maxLength: width * height }),
  }),
);

it('a map as PNG has one channel, and the same values', async () => {
  await fc.assert(
    fc.asyncProperty(maps, async (map) => {
      const decoded = await grayOf(await grayPng(map));
      expect([decoded.width, decoded.height]).toEqual([map.width, map.height]);
      expect(Buffer.compare(decoded.data, map.data)).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it('a large map of few classes takes few bytes', async () => {
  const [width, height] = [2000, 1500];
  const data = Uint8Array.from({ length: width * height }, (_, i) => Math.floor((i % width) / 400) + (i > 1e6 ? 5 : 0));
  expect((await grayPng({ width, height, data })).length).toBeLessThan(25_000);
});

describe('run lengths', () => {
  it('go down the columns, the other classes first', () => {
    // 1 2
    // 1 1
    // 3 2
    const map = { width: 2, height: 3, data: Uint8Array.of(1, 2, 1, 1, 3, 2) };
    expect([...runLengths(map, 10)!]).toEqual([
      [1, [0, 2, 2, 1, 1]],
      [3, [2, 1, 3]],
      [2, [3, 1, 1, 1]],
    ]);
  });

  it('of a class that ends the map have no rest', () => {
    expect([...runLengths({ width: 2, height: 2, data: Uint8Array.of(7, 7, 7, 7) }, 10)!]).toEqual([[7, [0, 4]]]);
  });

  it('give the masks of all classes back', () => {
    fc.assert(
      fc.property(maps, (map) => {
        const seen = new Uint8Array(map.data.length);
        const covered = new Uint8Array(map.data.length);
        for (const [index, counts] of runLengths(map, Infinity)!) {
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(map.data.length);
          let place = 0;
          counts.forEach((count, turn) => {
            for (const end = place + count; place < end; place++) {
              if (turn % 2 === 0) continue;
              const at = (place % map.height) * map.width + Math.floor(place / map.height);
              seen[at] = index;
              covered[at]!++;
            }
          });
        }
        expect([...covered].every((times) => times === 1)).toBe(true);
        expect([...seen]).toEqual([...map.data]);
      }),
    );
  });

  it('are given up where there are too many', () => {
    const data = Uint8Array.from({ length: 100 }, (_, i) => i % 2);
    expect(runLengths({ width: 1, height: 100, data }, 99)).toBeUndefined();
    expect(runLengths({ width: 1, height: 100, data }, 100)).toBeDefined();
  });
});
