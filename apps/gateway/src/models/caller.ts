/** Who asks for something to be changed, for the answer and for the log. */
import type { FastifyRequest } from 'fastify';
import { ownerOf } from '../http/owner.js';

export interface Caller {
  owner: string;
  request: string;
}

export function callerOf(request: FastifyRequest): Caller {
  return { owner: ownerOf(request), request: request.id };
}
