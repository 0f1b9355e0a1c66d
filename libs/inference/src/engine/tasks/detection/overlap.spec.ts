/** Of boxes that overlap the best is left, as torchvision.ops.batched_nms leaves it. */
import type { Found } from './detections.js';
import { suppressed } from './overlap.js';

/** The first shares 8 of 12 with the second and 9 of 11 with the third, those two 9 of 11 with each other. */
const BOXES = [
  [0, 0, 10, 10],
  [0, 2, 10, 12],
  [0, 1, 10, 11],
  [50, 0, 60, 10],
] as const;

/** Places of those that are left. */
function left(indices: readonly number[], iou: number, most = 100): number[] {
  const found = BOXES.map((box, place): Found => ({ index: indices[place]!, score: 1 - place / 10, box: [...box] }));
  return suppressed(found, { iou, most }).map((each) => found.indexOf(each));
}

describe('overlapping boxes', () => {
  it('of one class are told once', () => {
    expect(left([1, 1, 1, 1], 0.5)).toEqual([0, 3]);
  });

  it('of several classes are all told', () => {
    expect(left([1, 2, 1, 1], 0.5)).toEqual([0, 1, 3]);
  });

  it('go only where the overlap is above the limit', () => {
    expect(left([1, 1, 1, 1], 2 / 3)).toEqual([0, 1, 3]);
    expect(left([1, 1, 1, 1], 9 / 11)).toEqual([0, 1, 2, 3]);
  });

  it('go only for one that stays', () => {
    // The second goes for none here, as the third, which it overlaps more, has gone for the first.
    expect(left([1, 1, 1, 1], 0.7)).toEqual([0, 1, 3]);
  });

  it('count for the most that is asked for when they are told alone', () => {
    expect(left([1, 1, 1, 1], 0.5, 2)).toEqual([0, 3]);
    expect(left([1, 1, 1, 1], 0.5, 1)).toEqual([0]);
  });

  it('without area stay as they are', () => {
    const flat = { index: 1, score: 1, box: [5, 5, 5, 5] } satisfies Found;
    expect(suppressed([flat, { ...flat }], { iou: 0, most: 10 })).toHaveLength(2);
  });
});
