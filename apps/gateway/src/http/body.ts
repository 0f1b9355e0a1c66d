/**
 * A request's body as the pieces in which it came: only the reader of a model's input knows what they should be, and
 * a picture goes on to Redis without ever being joined.
 *
 * Invariant: no more is taken than Content-Length says; the gate has refused too long ones, and Node ends the body there.
 */
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';

export type Body = readonly Buffer[];

export function readBody(
  _request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: Body) => void,
): void {
  const pieces: Buffer[] = [];
  payload.on('data', (piece: Buffer) => pieces.push(piece));
  payload.on('end', () => done(null, pieces));
  payload.on('error', done);
}
