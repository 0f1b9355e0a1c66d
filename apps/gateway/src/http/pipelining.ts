/**
 * Callers who send a request before the answer to the last is out, and go. Node tells the response whose turn it is that
 * its connection has closed, and none of those behind it (`socketOnClose` of Node 20 and 24): what waits for that would
 * keep its permit, its bytes and its prediction for good.
 *
 * Invariant: every response emits `close`, once its bytes are out or its connection is gone.
 */
import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export function installPipelining(fastify: FastifyInstance): void {
  // One listener for a connection, however many are behind each other on it.
  const behind = new WeakMap<Socket, Set<ServerResponse>>();
  const behindOn = (socket: Socket): Set<ServerResponse> => {
    const known = behind.get(socket);
    if (known !== undefined) return known;
    const responses = new Set<ServerResponse>();
    behind.set(socket, responses);
    socket.once('close', () => responses.forEach(close));
    return responses;
  };
  fastify.addHook('onRequest', ({ raw: { socket } }, { raw: response }, next) => {
    // A response is given its connection when its turn has come.
    if (response.socket === null) {
      const responses = behindOn(socket);
      responses.add(response);
      response.once('close', () => responses.delete(response));
    }
    next();
  });
}

/** What Node does for the one whose turn it is. */
function close(response: ServerResponse): void {
  if (response.socket !== null || response.closed) return;
  response.destroy();
  response.emit('close');
}
