/** A request's id: the caller's `x-request-id` where it is fit for logs and headers, else one of ours. */
import type { IncomingMessage } from 'node:http';
import { newId } from '#inference';

const FIT = /^[A-Za-z0-9._:-]{1,128}$/;

export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && FIT.test(given) ? given : newId('p');
}
