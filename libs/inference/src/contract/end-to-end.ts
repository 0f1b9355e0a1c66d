/**
 * Items that lie end to end in a payload or result, as a record keeps them: of several that are alike only how long each
 * is. A chunk of a bulk run has 64, which then take a tenth of the bytes, in Redis and to be parsed at every step.
 *
 * Invariant: `unpacked` turns what `packed` made of items back into them; items that differ, or that do not lie end to
 * end, stay as they are.
 */
import { z } from 'zod';

const bytes = z.number().int().nonnegative();
export const place = { offset: bytes, length: bytes };
export const places = { lengths: z.array(bytes) };

type Place = z.infer<z.ZodObject<typeof place>>;

export function unpacked<Shared extends object>({
  lengths,
  ...shared
}: Shared & { lengths: number[] }): (Omit<Shared, 'lengths'> & Place)[] {
  let offset = 0;
  return lengths.map((length) => {
    const item = { ...shared, offset, length };
    offset += length;
    return item;
  });
}

/** For JSON. */
export function packed(items: readonly object[]): object {
  const lengths: number[] = [];
  let first: string | undefined;
  let end = 0;
  for (const item of items) {
    const { offset, length, ...shared } = item as Partial<Place>;
    const text = JSON.stringify(shared);
    if (offset !== end || length === undefined || text !== (first ??= text)) return items;
    lengths.push(length);
    end += length;
  }
  return items.length < 2 ? items : { ...(JSON.parse(first!) as object), lengths };
}
