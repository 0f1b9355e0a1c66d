/** A body that is read as it comes, because it may be large and take its time. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '#inference';

/** A sender that says nothing for so long, while it is listened to, has gone. */
const IDLE_MS = 60_000;

/** So long the rest of a refused body is read and dropped, so that the answer is not lost in a reset. */
const LINGER_MS = 1_000;

export interface Bounds {
  /** Bytes of the body. */
  most: number;
  tooLarge: (most: number) => SluiceError;
}

/** @throws what `tooLarge` says above `most`, REQUEST_TIMEOUT */
export async function* bodyStream(request: FastifyRequest, { most, tooLarge }: Bounds): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const piece of patient(request.body as Readable)) {
    length += piece.length;
    if (length > most) throw tooLarge(most);
    yield piece;
  }
}

/** Before the refusal of a body that is still coming. */
export async function letGo({ raw }: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (raw.complete || raw.destroyed) return;
  void reply.header('connection', 'close');
  raw.resume();
  await Promise.race([finished(raw).catch(() => undefined), sleep(LINGER_MS)]);
}

/** Only the time in which something is waited for counts: a slow receiver is no fault of the sender's. */
async function* patient(stream: Readable): AsyncGenerator<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    timer = setTimeout(() => {
      stream.destroy(new SluiceError('REQUEST_TIMEOUT', `Nothing came for ${IDLE_MS / 1_000} s.`));
    }, IDLE_MS);
  };
  try {
    watch();
    // Whoever stops reading still wants to answer: the iterator's usual end would take the connection with it.
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer);
      yield piece as Buffer;
      watch();
    }
  } finally {
    clearTimeout(timer);
  }
}
