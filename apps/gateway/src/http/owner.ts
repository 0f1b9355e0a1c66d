/** Whose a request is: what it makes and what it may see. */
import type { FastifyRequest } from 'fastify';

/** Everybody's, where the gateway has no keys. */
const PUBLIC = 'public';

export function ownerOf(request: FastifyRequest): string {
  return (request as { owner?: string }).owner ?? PUBLIC;
}
