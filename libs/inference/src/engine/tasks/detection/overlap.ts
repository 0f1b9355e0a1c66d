/**
 * Non-maximum suppression: of boxes of one class that overlap, the best alone is kept. Greedy, as torchvision.ops.nms:
 * a box goes when its intersection over union with a better one that is kept is above the limit.
 */
import type { Found } from './detections.js';

/** `found` is sorted, best first; at most `most` of it are kept, and no more are looked for. */
export function suppressed(found: readonly Found[], { iou, most }: { iou: number; most: number }): Found[] {
  const kept: Found[] = [];
  for (const each of found) {
    if (kept.length === most) break;
    if (!kept.some((better) => better.index === each.index && overlap(better, each) > iou)) kept.push(each);
  }
  return kept;
}

/** Intersection over union; NaN for two boxes without area, which is above no limit. */
function overlap({ box: a }: Found, { box: b }: Found): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = width > 0 && height > 0 ? width * height : 0;
  return both / (area(a) + area(b) - both);
}

function area([left, top, right, bottom]: Found['box']): number {
  return (right - left) * (bottom - top);
}
