/** The little JSON of a control route, by its schema; what is not known is refused, for a typing error would go unnoticed. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { joined, SluiceError } from '#inference';
import { parseJson } from './parse-json.js';
import type { Body } from './body.js';

/** No body at all is `{}`. @throws JSON_MALFORMED, INPUT_INVALID with the member that is wrong. */
export function controlBody<T extends z.ZodType>(request: FastifyRequest, schema: T): z.infer<T> {
  const bytes = joined((request.body as Body | undefined) ?? []);
  const parsed = schema.safeParse(bytes.length === 0 ? {} : parseJson(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  throw new SluiceError(
    'INPUT_INVALID',
    `The body${where ? `'s ${where}` : ''} is not as expected: ${issue?.message ?? 'unreadable'}.`,
  );
}
