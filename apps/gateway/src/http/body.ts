/**
 * A request's body as the pieces in which it came: only the reader of a model's input knows what they should be, and
 * a picture goes on to Redis without ever being joined. Rows of a bulk run and model packages stay a stream: they are
 * read as fast as they can be kept.
 *
 * Invariants: no more is taken than Content-Length says; the gate has refused too long ones, and Node ends the body there.
 * A body that is not a stream is whole within BODY_TIMEOUT_MS, or its connection ends with a 408.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { bodyKind, type BodyKind } from './predict-gate.js';

/** Slower is an attack or a broken line. */
export const BODY_TIMEOUT_MS = 15_000;

export type Body = readonly Buffer[];

export function readBody(
  request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: Body | IncomingMessage) => void,
): void {
  if (isStreamed(bodyKind(request))) return done(null, payload);
  const pieces: Buffer[] = [];
  payload.on('data', (piece: Buffer) => pieces.push(piece));
  payload.on('end', () => done(null, pieces));
  payload.on('error', done);
}

function isStreamed(kind: BodyKind | undefined): boolean {
  return kind === 'rows' || kind === 'package';
}

/** Node's own limit knows no routes, so this takes its place, and ends in the same handler. */
export function installBodyTimeout(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, next) => {
    const kind = bodyKind(request);
    if (kind !== undefined && !isStreamed(kind)) {
      const { raw } = request;
      const late = setTimeout(() => {
        const error = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
        app.server.emit('clientError', error, raw.socket);
      }, BODY_TIMEOUT_MS);
      const over = (): void => clearTimeout(late);
      raw.once('end', over);
      raw.once('close', over);
    }
    next();
  });
}
