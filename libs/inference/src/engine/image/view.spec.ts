/** Boxes in the model's view lie in the picture where they were found. */
import { drawn } from '../../../../../test/fixtures/pictures.js';
import { placementOf, type PlacementSpec, type View } from './geometry.js';
import { place } from './place.js';
import { boxInSource, isSeen, wholeView } from './view.js';

const viewOf = (width: number, height: number, spec: PlacementSpec): View => ({
  source: { width, height },
  placement: placementOf({ width, height }, spec),
});

describe('a box', () => {
  it.each<[string, View, [number[], number[]]]>([
    [
      'of the picture itself',
      wholeView({ width: 40, height: 30 }),
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    ],
    [
      'of a stretched picture',
      viewOf(400, 100, { resize: { exact: [50, 100] } }),
      [
        [10, 10, 20, 50],
        [40, 20, 80, 100],
      ],
    ],
    [
      'of a picture by its shorter side',
      viewOf(400, 200, { resize: { shorterSide: 100 } }),
      [
        [1, 2, 3, 4],
        [2, 4, 6, 8],
      ],
    ],
    [
      'of a cut-out',
      viewOf(400, 200, { resize: { shorterSide: 100 }, crop: [80, 80] }),
      [
        [0, 0, 80, 80],
        [120, 20, 280, 180],
      ],
    ],
    [
      'of a letterbox',
      viewOf(400, 200, { resize: { letterbox: [100, 100], fill: 0 } }),
      [
        [0, 25, 50, 50],
        [0, 0, 200, 100],
      ],
    ],
    [
      'of a padded picture',
      viewOf(20, 10, { crop: [20, 30] }),
      [
        [5, 5, 15, 10],
        [0, 0, 10, 5],
      ],
    ],
    [
      'reaching over the border',
      wholeView({ width: 40, height: 30 }),
      [
        [-5, 10, 99, 31],
        [0, 10, 40, 30],
      ],
    ],
    [
      'of uneven numbers',
      viewOf(100, 100, { resize: { exact: [30, 30] } }),
      [
        [1, 1, 2, 2],
        [3.33, 3.33, 6.67, 6.67],
      ],
    ],
  ])('%s', (_, view, [seen, expected]) => {
    expect(boxInSource(seen as never, view)).toEqual(expected);
  });

  it('on padding alone is none', () => {
    const view = viewOf(400, 200, { resize: { letterbox: [100, 100], fill: 0 } });
    expect(isSeen([10, 0, 20, 25], view)).toBe(false);
    expect(isSeen([10, 0, 20, 26], view)).toBe(true);
    expect(isSeen([20, 30, 10, 40], view)).toBe(false);
  });

  /** A red square, found again by its colour in the view. */
  it.each<[string, PlacementSpec]>([
    ['stretched', { resize: { exact: [90, 50] } }],
    ['by its shorter side and cut out', { resize: { shorterSide: 60 }, crop: [60, 60] }],
    ['in a letterbox', { resize: { letterbox: [64, 64], fill: 114 } }],
    ['enlarged', { resize: { shorterSide: 400 } }],
  ])('drawn on a picture is found again when that is %s', (_, spec) => {
    const picture = drawn({
      width: 200,
      height: 120,
      colourAt: (x, y) => (x >= 80 && x < 120 && y >= 40 && y < 70 ? [255, 0, 0] : [0, 0, 255]),
    });
    const { width, height, data } = place(picture, { ...spec, color: 'RGB' });
    const box = [width, height, 0, 0] as [number, number, number, number];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (data[(y * width + x) * 3]! < 128 || data[(y * width + x) * 3 + 2]! > 128) continue;
        box[0] = Math.min(box[0], x);
        box[1] = Math.min(box[1], y);
        box[2] = Math.max(box[2], x + 1);
        box[3] = Math.max(box[3], y + 1);
      }
    }
    const found = boxInSource(box, viewOf(200, 120, spec));
    [80, 40, 120, 70].forEach((edge, i) => expect(Math.abs(found[i]! - edge)).toBeLessThanOrEqual(2));
  });
});

it('a letterbox is filled with its gray, before normalisation', () => {
  const white = drawn({ width: 4, height: 2, colourAt: () => [255, 255, 255] });
  const placed = place(white, { resize: { letterbox: [4, 4], fill: 114 }, color: 'GRAY' });
  expect([...placed.data]).toEqual([114, 114, 114, 114, ...Array(8).fill(255), 114, 114, 114, 114]);
});
