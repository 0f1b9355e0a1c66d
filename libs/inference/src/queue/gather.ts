/**
 * One write for what is sent in one turn of the event loop: Node writes each command to the socket at once, and for
 * scripts of a few hundred bytes the system calls cost more than all the rest of sending them.
 *
 * Invariant: nothing waits longer than to the end of the turn, and the order of commands stays.
 */
import type { Socket } from 'node:net';
import type { Redis } from './connection.js';

/** To be called before a command that others may follow in the same turn. */
export function gather(redis: Redis): void {
  const { stream } = redis as unknown as { stream?: Socket };
  if (!stream || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
