/** A query's members, checked; one that is not known is refused, for a typing error would go unnoticed. */
import type { z } from 'zod';
import { SluiceError } from '#inference';

/** @throws INPUT_INVALID */
export function parseQuery<T extends z.ZodType>(schema: T, query: Record<string, string>): z.infer<T> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  throw new SluiceError(
    'INPUT_INVALID',
    `The query${where ? `'s ${where}` : ''} is not as expected: ${issue?.message}.`,
  );
}
