/** A plain Fastify server with one route, which both comparisons share. */
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { RequestBody } from './single-run.js';

const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Listens on a free port, which is returned. */
export async function listen(answer: (body: RequestBody) => Promise<unknown>): Promise<number> {
  const server = fastify({ bodyLimit: MAX_BODY_BYTES });
  server.addContentTypeParser('image/jpeg', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.post('/predict', (request) => answer(request.body as RequestBody));
  await server.listen({ port: 0, host: '127.0.0.1' });
  return (server.server.address() as AddressInfo).port;
}
