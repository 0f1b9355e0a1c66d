/**
 * How much is read for one request, whatever part of the answer it is. Headers are bounded by their parser and a body by
 * who reads it, but an endless reason phrase, extensions of chunks and answers before the answer (1xx) by nobody.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { buildConnector, DiagnosticsChannel } from 'undici';

/** Of connections with a bound: what had been read when the request began that is under way. */
const before = new WeakMap<Socket, number>();

subscribe('undici:client:sendHeaders', (message) => {
  const { socket } = message as DiagnosticsChannel.ClientSendHeadersMessage;
  if (before.has(socket)) before.set(socket, socket.bytesRead);
});

/** Hands a connection on, and ends it when more comes than `most` bytes. */
export function boundRead(most: number, callback: buildConnector.Callback): buildConnector.Callback {
  return (...connected) => {
    const [, socket] = connected;
    if (socket) before.set(socket, socket.bytesRead);
    callback(...connected);
    // After the parser's own listener: a status that has come counts, however much comes with it.
    socket?.on('readable', () => {
      if (socket.bytesRead - before.get(socket)! > most) socket.destroy(new Error('more came than is read'));
    });
  };
}
