/** A request's body to rows: JSON lines as they come, or an archive once it is on disk. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError, takenBy, type ModelDescription } from '#inference';
import type { GatewayContext } from '../context.js';
import { mediaType, ROW_ARCHIVES, rowsTooLarge } from '../http/predict-gate.js';
import { textFromBytes } from '../predictions/text-input.js';
import { jsonRows } from './json-rows.js';
import type { RowSource } from './row.js';
import { Spool } from './spool.js';
import { zipRows, type ZipContents } from './zip-rows.js';

/** A sender that says nothing for so long, while it is listened to, has gone. */
const IDLE_MS = 60_000;

/** So long the rest of a refused body is read and dropped, so that the answer is not lost in a reset. */
const LINGER_MS = 1_000;

export interface OpenSource {
  source: RowSource;
  close(): Promise<void>;
}

export class UploadSources {
  private readonly spool: Spool;

  constructor(private readonly context: GatewayContext) {
    this.spool = new Spool({ dir: context.config.spoolDir, cap: context.config.maxSpoolBytes });
  }

  /** Undefined when the request has no body. @throws MEDIA_TYPE_UNSUPPORTED, BODY_MALFORMED, BODY_TOO_LARGE */
  async open(request: FastifyRequest, model: ModelDescription): Promise<OpenSource | undefined> {
    const { maxBatchBytes, maxJsonBytes, maxBodyBytes } = this.context.config;
    const stream = request.body as Readable | null | undefined;
    if (!stream || request.headers['content-length'] === '0') return undefined;
    if (!ROW_ARCHIVES.has(mediaType(request.headers['content-type']))) {
      const bytes = bounded(patient(stream), maxBatchBytes);
      return { source: jsonRows({ bytes, model, most: maxJsonBytes }), close: () => Promise.resolve() };
    }
    const type = takenBy(model.task);
    if (type === 'tensors') {
      throw new SluiceError(
        'MEDIA_TYPE_UNSUPPORTED',
        `Model "${model.name}" takes tensors, not files: send its rows as application/jsonl.`,
      );
    }
    const spooled = await this.spool.take(patient(stream), maxBatchBytes);
    try {
      const source = await zipRows(spooled.fd, {
        file: Math.min(maxBodyBytes, model.text?.maxBytes ?? Infinity),
        all: maxBatchBytes,
        ...filesOf(type, model),
      });
      return { source, close: () => spooled.release() };
    } catch (error) {
      await spooled.release();
      throw error;
    }
  }
}

/** What an archive's files are, and what is said of one that cannot be one of those. */
function filesOf(type: 'image' | 'text', model: ModelDescription): Pick<ZipContents, 'itemOf' | 'damaged'> {
  if (type === 'text') return { itemOf: (bytes) => textFromBytes(bytes, model), damaged: 'INPUT_INVALID' };
  return { itemOf: (bytes) => ({ type, rows: 1, bytes }), damaged: 'IMAGE_UNDECODABLE' };
}

/** Before the refusal of a body that is still coming. */
export async function letGo({ raw }: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (raw.complete || raw.destroyed) return;
  void reply.header('connection', 'close');
  raw.resume();
  await Promise.race([finished(raw).catch(() => undefined), sleep(LINGER_MS)]);
}

async function* bounded(bytes: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const piece of bytes) {
    length += piece.length;
    if (length > most) throw rowsTooLarge(most);
    yield piece;
  }
}

/** Only the time in which something is waited for counts: a slow Redis is no fault of the sender's. */
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
