/**
 * Callers who ask and do not read: an answer that nobody takes would be held for as long as its connection stays.
 *
 * Invariants: a connection on which bytes wait, and of which the system takes none for STALLED_MS, is closed, at the latest
 * a look later. One whose answer is not there yet stays, and so does who reads some kB a second: the system takes more
 * only once a third of what it holds for a connection, which may be megabytes, has gone. Looks are counted and not time, so
 * that no reader pays for a gateway that was held up. Nothing is done for a request.
 */
import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';

const STALLED_MS = 600_000;
/** In the time after which a connection is closed. */
const LOOKS = 4;

/** What Node's own `socket.setTimeout` looks at; `writableLength` knows of no part of one large write. */
interface Handle {
  bytesWritten: number;
  writeQueueSize: number;
}

interface Progress {
  /** Bytes that the system has taken, as last seen. */
  taken: number;
  /** Looks since then. */
  looks: number;
}

export function installSlowReaders(fastify: FastifyInstance, stalledMs = STALLED_MS): void {
  const connections = new Map<Socket, Progress>();
  fastify.server.on('connection', (socket: Socket) => {
    connections.set(socket, { taken: 0, looks: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  const timer = setInterval(() => {
    for (const [socket, progress] of connections) {
      if (isStalled(socket, progress)) socket.destroy();
    }
  }, stalledMs / LOOKS).unref();
  fastify.server.once('close', () => clearInterval(timer));
}

function isStalled(socket: Socket, progress: Progress): boolean {
  const { _handle: handle } = socket as unknown as { _handle: Handle | null };
  if (!handle) return false;
  const taken = handle.bytesWritten - handle.writeQueueSize;
  progress.looks = handle.writeQueueSize > 0 && taken === progress.taken ? progress.looks + 1 : 0;
  progress.taken = taken;
  return progress.looks === LOOKS;
}
