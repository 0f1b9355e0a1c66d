/**
 * SET of a value that lies in several pieces, written to the socket as they are: ioredis copies every Buffer of a
 * command into a new one, and memory outside of V8's heap is what a gateway of pictures collects garbage for.
 *
 * Invariant: what reaches Redis is the same as by `redis.set(key, Buffer.concat(pieces), 'PX', ttlMs)`,
 * with 'NX' at the end for `once`.
 */
import type { Socket } from 'node:net';
import { Command } from 'ioredis';
import type { Redis } from './connection.js';

/** Below this a copy costs less than several writes. */
const WORTH_BYTES = 65_536;

export interface SetPieces {
  key: string;
  pieces: readonly Uint8Array[];
  ttlMs: number;
  /** Leaves a value that is there, and its TTL, as they are. */
  once?: boolean;
}

/** Resolves when Redis has the value. */
export async function setPieces(redis: Redis, { key, pieces, ttlMs, once = false }: SetPieces): Promise<void> {
  let length = 0;
  for (const piece of pieces) length += piece.byteLength;
  if (length >= WORTH_BYTES) await redis.sendCommand(new SetPiecesCommand({ key, pieces, length, ttlMs, once }));
  else if (once) await redis.set(key, joined(pieces), 'PX', ttlMs, 'NX');
  else await redis.set(key, joined(pieces), 'PX', ttlMs);
}

/** As one Buffer; a single piece is not copied. */
export function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces;
  if (pieces.length === 1 && first) return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  return Buffer.concat(pieces);
}

class SetPiecesCommand extends Command {
  constructor(private readonly value: SetPieces & { length: number }) {
    super('set', [value.key, '', 'PX', String(value.ttlMs), ...(value.once ? ['NX'] : [])]);
  }

  /** All but the end is written here, and the end by ioredis: one system call for all of it. */
  override toWritable(stream: Socket): string {
    const { key, pieces, length, ttlMs, once } = this.value;
    const ttl = String(ttlMs);
    stream.cork();
    process.nextTick(() => stream.uncork());
    stream.write(`*${once ? 6 : 5}\r\n$3\r\nset\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n$${length}\r\n`);
    for (const piece of pieces) stream.write(piece);
    return `\r\n$2\r\nPX\r\n$${ttl.length}\r\n${ttl}\r\n${once ? '$2\r\nNX\r\n' : ''}`;
  }
}
