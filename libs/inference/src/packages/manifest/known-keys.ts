/**
 * Which key was meant by one that is not known: the one with the most similar name, wherever in model.json it belongs.
 *
 * Invariant: what is proposed is a key of the schema that was asked about.
 */
import type { z } from 'zod';

/** Letters that may be wrong, as a part of the name. */
const WRONG_LETTERS = 0.4;

/** All keys of an object's schema and of those inside it: `["image", "resize", "shorterSide"]`. */
export function keysOf(schema: z.core.$ZodType): string[][] {
  const { def } = schema._zod as { def: { type: string } };
  if ('innerType' in def) return keysOf(def.innerType as z.core.$ZodType);
  if (def.type === 'union') return (def as z.core.$ZodUnionDef).options.flatMap(keysOf);
  if (def.type !== 'object') return [];
  return Object.entries((def as z.core.$ZodObjectDef).shape).flatMap(([key, value]) => [
    [key],
    ...keysOf(value).map((path) => [key, ...path]),
  ]);
}

/** What stands behind "expected": the key that was meant, or all that could be at this place. */
export function meantBy(path: readonly string[], known: readonly string[][]): string {
  const place = path.slice(0, -1).join('.');
  const isHere = (each: readonly string[]): boolean => each.slice(0, -1).join('.') === place;
  // Sorting is stable: of names that are as near, the one at this place is meant.
  const inOrder = [...known.filter(isHere), ...known.filter((each) => !isHere(each))];
  const name = plain(path.at(-1)!);
  const [nearest] = inOrder
    .map((each) => ({ each, distance: distanceOf(name, plain(each.at(-1)!)) }))
    .filter(({ distance }) => distance <= name.length * WRONG_LETTERS)
    .sort((one, other) => one.distance - other.distance);
  if (nearest) return nearest.each.join('.');
  const here = known.filter(isHere).map((each) => each.at(-1)!);
  return here.length === 0 ? 'nothing' : `one of ${[...new Set(here)].join(', ')}`;
}

/** As others write it: top_k, TopK. */
function plain(key: string): string {
  return key.slice(0, 64).replace(/[_-]/g, '').toLowerCase();
}

/** Letters that are changed, added, left out or swapped with the next: optimal string alignment. */
function distanceOf(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    const before = rows[i - 1]!;
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = before[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      const swapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1] ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(changed, before[j]! + 1, row[j - 1]! + 1, swapped));
    }
    rows.push(row);
  }
  return rows.at(-1)!.at(-1)!;
}
