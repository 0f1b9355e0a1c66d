/** model.json as it is written: the same text for the same content, whatever the order in which it came. */

const FIRST = ['name', 'version', 'task'];
const LAST = 'files';

/** Indented; name, version and task lead, the sums of files end it, all else goes by the alphabet. */
export function stableJson(manifest: object): string {
  return `${JSON.stringify(sorted(manifest, rank), null, 2)}\n`;
}

function sorted(value: unknown, rankOf: (key: string) => number): unknown {
  if (Array.isArray(value)) return value.map((each) => sorted(each, () => 0));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each, () => 0)]));
}

function rank(key: string): number {
  const place = FIRST.indexOf(key);
  if (place >= 0) return place;
  return key === LAST ? FIRST.length + 1 : FIRST.length;
}
