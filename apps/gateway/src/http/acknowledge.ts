/**
 * What changes something that is kept is answered only when the change is in Redis' append-only file too: Redis itself
 * answers sooner, and a kill right after would take back what was acknowledged.
 *
 * Invariant: no answer to a changing request, a failure that tells how much was kept included, leaves before.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppendLog } from '#inference';
import type { GatewayContext } from '../context.js';
import { isDurable } from '../durable/preferences.js';
import { queueUnavailable } from '../predictions/pack-sender.js';
import { problemOf } from './problem.js';

const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Refused before anything was kept. */
const REFUSED = new Set([401, 403, 404, 405, 411, 415, 429, 501]);

export function installAcknowledge(app: FastifyInstance, context: GatewayContext): void {
  const log = new AppendLog(context.redis);
  app.addHook('onSend', async (request, reply, payload) => {
    if (!keeps(request) || REFUSED.has(reply.statusCode)) return payload;
    try {
      await log.written();
      return payload;
    } catch {
      const problem = problemOf(queueUnavailable(), request.id);
      void reply.removeHeader('content-length');
      void reply.status(problem.status).type('application/problem+json').header('retry-after', '2');
      return JSON.stringify(problem);
    }
  });
}

/** A prediction while its caller waits keeps nothing. */
function keeps({ method, headers, routeOptions }: FastifyRequest): boolean {
  if (!CHANGING.has(method)) return false;
  return routeOptions.url?.startsWith('/predict') === true ? isDurable(headers) : true;
}
