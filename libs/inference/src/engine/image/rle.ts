/**
 * Maps of classes as run lengths, in the form that pycocotools reads as uncompressed RLE: for each class a mask of the
 * whole map, down its columns, as the lengths of what is not the class and what is, in turn.
 */

/** Lengths by class; undefined where the map has more than `most` runs. */
export function runLengths(
  { width, height, data }: { width: number; height: number; data: Uint8Array },
  most: number,
): Map<number, number[]> | undefined {
  const masks = new Map<number, { counts: number[]; end: number }>();
  let runs = 0;
  let value = data[0]!;
  let start = 0;
  const close = (end: number): void => {
    const mask = masks.get(value) ?? { counts: [], end: 0 };
    masks.set(value, mask);
    mask.counts.push(start - mask.end, end - start);
    mask.end = end;
    start = end;
    runs++;
  };
  for (let x = 0, place = 0; x < width; x++) {
    for (let at = x; at < data.length; at += width, place++) {
      const next = data[at]!;
      if (next === value) continue;
      close(place);
      if (runs > most) return undefined;
      value = next;
    }
  }
  close(width * height);
  if (runs > most) return undefined;
  const entries = [...masks].map(([index, { counts, end }]): [number, number[]] => {
    return [index, end < width * height ? [...counts, width * height - end] : counts];
  });
  return new Map(entries);
}
