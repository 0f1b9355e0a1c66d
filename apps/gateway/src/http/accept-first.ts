/**
 * New connections come before the requests of those that are there. libuv takes one connection in each turn of the event
 * loop (pull request 3696 of libuv), and the more requests a turn answers the longer it is: of a thousand clients that
 * came at once, as after a restart, the last got its first answer when the first ones had had sixty each, nine seconds
 * later.
 *
 * Invariants: a request is held while each turn of the loop takes a connection, and for HOLD_MS at most; one whose
 * connection comes alone loses no turn. One whose caller has gone meanwhile goes no further: what is taken for it on the
 * way is given back when its connection closes, and that is over.
 */
import type { FastifyInstance } from 'fastify';

/** Time for several hundred connections. */
const HOLD_MS = 50;

export function installAcceptFirst(fastify: FastifyInstance): void {
  const held: (() => void)[] = [];
  let holding = false;
  let hasAccepted = false;
  let since = 0;
  const turn = (): void => {
    if (hasAccepted && performance.now() - since < HOLD_MS) {
      hasAccepted = false;
      setImmediate(turn);
      return;
    }
    holding = false;
    for (const release of held.splice(0)) release();
  };
  fastify.server.on('connection', () => {
    hasAccepted = true;
    if (holding) return;
    holding = true;
    since = performance.now();
    setImmediate(turn);
  });
  fastify.addHook('onRequest', ({ raw }, _reply, next) => {
    if (!holding) return next();
    held.push(() => {
      if (!raw.socket.destroyed) next();
    });
  });
}
