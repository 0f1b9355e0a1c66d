/**
 * A golden answer beside the one that came. Numbers may differ by `tolerance * max(1, |largest expected|)`, where an array
 * of numbers, however deep, has one largest (tools/python, samples.py); all else must be equal.
 *
 * Answers that are ordered by score are compared as such: two whose scores are within the tolerance may change places,
 * for which of them comes first is then a matter of rounding.
 */

/** Where the two differ, in words; undefined where they do not. Members that are not expected are not looked at. */
export function disagreement(expected: unknown, came: unknown, tolerance: number): string | undefined {
  return compare({ tolerance, path: '' }, expected, came);
}

interface Place {
  tolerance: number;
  path: string;
}

type Scored = Record<string, unknown> & { score: number };

function compare(place: Place, expected: unknown, came: unknown): string | undefined {
  if (Array.isArray(expected)) return compareLists(place, expected, came);
  if (typeof expected === 'number') return within(place, expected, came) ? undefined : differs(place, expected, came);
  if (typeof expected !== 'object' || expected === null)
    return expected === came ? undefined : differs(place, expected, came);
  if (typeof came !== 'object' || came === null || Array.isArray(came)) return differs(place, expected, came);
  const { top, ...others } = expected as Record<string, unknown>;
  const ordered = scoredList(top);
  if (!ordered) return compareMembers(place, expected, came);
  // The first of the list stands outside of it as well; any that is as good may stand there.
  const { prediction, label, ...rest } = others;
  const best = ordered.filter(({ score }) => within(place, ordered[0]!.score, score));
  const firsts = best.map((each) => ({ ...each, prediction: each['index'] }));
  const first = { ...(prediction === undefined ? {} : { prediction }), ...(label === undefined ? {} : { label }) };
  const found = firsts.map((each) => compareMembers(place, pick(each, Object.keys(first)), came));
  if (!found.includes(undefined)) return compareMembers(place, first, came);
  return compareMembers(place, { ...rest, top }, came);
}

function compareMembers(place: Place, expected: object, came: object): string | undefined {
  for (const [key, value] of Object.entries(expected)) {
    const at = { ...place, path: place.path === '' ? key : `${place.path}.${key}` };
    const found = compare(at, value, (came as Record<string, unknown>)[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function pick(from: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
}

function compareLists(place: Place, expected: readonly unknown[], came: unknown): string | undefined {
  if (!Array.isArray(came) || came.length !== expected.length) return differs(place, expected, came);
  const scored = scoredList(expected);
  const others = scoredList(came);
  if (scored && others) return compareScored(place, scored, others);
  const size = Math.max(1, largestIn(expected));
  return compareItems({ ...place, tolerance: place.tolerance * size }, expected, came as unknown[]);
}

/** `tolerance` is absolute here. */
function compareItems(place: Place, expected: readonly unknown[], came: readonly unknown[]): string | undefined {
  for (const [i, value] of expected.entries()) {
    const at = { ...place, path: `${place.path}[${i}]` };
    const other = came[i];
    let found: string | undefined;
    if (Array.isArray(value)) {
      const isAlike = Array.isArray(other) && other.length === value.length;
      found = isAlike ? compareItems(at, value, other as unknown[]) : differs(at, value, other);
    } else if (typeof value === 'number') {
      found =
        typeof other === 'number' && Math.abs(other - value) <= place.tolerance ? undefined : differs(at, value, other);
    } else found = compare(at, value, other);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Each that came must be one that is expected with such a score, or fall behind the last by no more than the tolerance. */
function compareScored(place: Place, expected: readonly Scored[], came: readonly Scored[]): string | undefined {
  const left = [...expected];
  for (const [i, each] of came.entries()) {
    const want = expected[i]!;
    const at = { ...place, path: `${place.path}[${i}]` };
    if (!within(at, want.score, each.score))
      return differs({ ...at, path: `${at.path}.score` }, want.score, each.score);
    const match = left.findIndex((other) => compare(at, other, each) === undefined);
    if (match >= 0) left.splice(match, 1);
    else if (!within(at, expected.at(-1)!.score, each.score)) return compare(at, want, each);
  }
  return undefined;
}

function scoredList(value: unknown): Scored[] | undefined {
  const isScored = (each: unknown): each is Scored =>
    typeof each === 'object' && each !== null && typeof (each as { score?: unknown }).score === 'number';
  return Array.isArray(value) && value.length > 0 && value.every(isScored) ? value : undefined;
}

function within({ tolerance }: Place, expected: number, came: unknown): boolean {
  return typeof came === 'number' && Math.abs(came - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

function largestIn(values: readonly unknown[]): number {
  let most = 0;
  for (const value of values) {
    if (Array.isArray(value)) most = Math.max(most, largestIn(value));
    else if (typeof value === 'number') most = Math.max(most, Math.abs(value));
  }
  return most;
}

function differs({ path }: Place, expected: unknown, came: unknown): string {
  return `${path || 'the answer'} came as ${shown(came)}, expected ${shown(expected)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
