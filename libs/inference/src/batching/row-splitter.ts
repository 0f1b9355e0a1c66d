/** Cuts a request of many rows into ranges that each fit one batch; their results are put together in this order. */
export function splitRows(rows: number, maxBatchSize: number): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < rows; from += maxBatchSize) ranges.push([from, Math.min(rows, from + maxBatchSize)]);
  return ranges;
}
