/** A request's body to rows: JSON lines as they come, or an archive once it is on disk. */
import type { FastifyRequest } from 'fastify';
import { SluiceError, takenBy, type ModelDescription } from '#inference';
import type { GatewayContext } from '../../context.js';
import { bodyStream } from '../../http/body-stream.js';
import { ownerOf } from '../../http/owner.js';
import { mediaType, ROW_ARCHIVES, rowsTooLarge } from '../../http/predict-gate.js';
import { textFromBytes } from '../../predictions/text-input.js';
import { jsonRows } from './json-rows.js';
import type { RowSource } from './row.js';
import { archiveTooLarge, Spool } from './spool.js';
import { zipRows, type ZipContents } from './zip-rows.js';

/** Bytes of a line around a picture in base64: an id, names, a data URL's head. */
const AROUND_PICTURE = 8_192;

export interface OpenSource {
  source: RowSource;
  close(): Promise<void>;
}

/** Whether there is a body. */
export function hasRows({ body, headers }: FastifyRequest): boolean {
  return Boolean(body) && headers['content-length'] !== '0';
}

export class UploadSources {
  private readonly spool: Spool;

  constructor(private readonly context: GatewayContext) {
    this.spool = new Spool({ dir: context.config.spoolDir, cap: context.config.maxSpoolBytes });
  }

  /** Of a request that has rows. @throws MEDIA_TYPE_UNSUPPORTED, BODY_MALFORMED, BODY_TOO_LARGE */
  async open(request: FastifyRequest, model: ModelDescription): Promise<OpenSource> {
    const { maxBatchBytes, maxJsonBytes, maxBodyBytes } = this.context.config;
    if (!ROW_ARCHIVES.has(mediaType(request.headers['content-type']))) {
      const bytes = bodyStream(request, { most: maxBatchBytes, tooLarge: rowsTooLarge });
      // A picture may be as large as one that is sent alone.
      const mostText = takenBy(model.task) === 'image' ? Math.ceil((4 * maxBodyBytes) / 3) + AROUND_PICTURE : 0;
      const source = jsonRows({ bytes, model, most: maxJsonBytes, mostText });
      return { source, close: () => Promise.resolve() };
    }
    const type = takenBy(model.task);
    if (type === 'tensors') {
      throw new SluiceError(
        'MEDIA_TYPE_UNSUPPORTED',
        `Model "${model.name}" takes tensors, not files: send its rows as application/jsonl.`,
      );
    }
    // What is larger than the share would be told for ever to come again.
    const most = Math.min(maxBatchBytes, this.spool.share);
    const bytes = bodyStream(request, { most, tooLarge: archiveTooLarge });
    const spooled = await this.spool.take(bytes, { owner: ownerOf(request), most });
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
