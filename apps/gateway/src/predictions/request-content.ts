/**
 * What a request brought, before it is known which model will read it: a body, or the file of a form.
 *
 * Invariant: the same request sent again has the same content, which a form's own bytes, for their boundary, have not.
 */
import type { FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import type { Body } from '../http/body.js';
import { mediaType } from '../http/predict-gate.js';

export interface Content {
  /** As the request says; a `text-file` is one to a model that takes texts, and `unstated` is seen by its first byte. */
  kind: 'json' | 'image' | 'text' | 'text-file' | 'unstated';
  bytes: Body;
}

/** @throws MULTIPART_MALFORMED, BODY_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED */
export async function contentOf(request: FastifyRequest): Promise<Content> {
  const type = mediaType(request.headers['content-type']);
  if (type === 'multipart/form-data') return fileOf(request);
  const bytes = request.body as Body;
  if (type === 'application/json') return { kind: 'json', bytes };
  if (type.startsWith('image/')) return { kind: 'image', bytes };
  if (type !== 'text/plain') return { kind: 'unstated', bytes };
  checkCharset(request.headers['content-type']);
  return { kind: 'text', bytes };
}

function checkCharset(contentType: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? '')?.[1];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new SluiceError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The text is in the charset ${JSON.stringify(charset.slice(0, 40))}; UTF-8 was expected. Convert it.`,
  );
}

/** The part named `file`, or `data`, or the only file of the form; a second file is refused, not dropped. */
async function fileOf(request: FastifyRequest): Promise<Content> {
  let found: Content | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type !== 'file') {
        if (part.fieldname !== 'file' && part.fieldname !== 'data') continue;
        if (found) throw second();
        // A form's fields are kept in memory while they come, files as they are read.
        if (part.valueTruncated) throw fieldTooLarge();
        found = { kind: 'unstated', bytes: [Buffer.from(String(part.value))] };
        continue;
      }
      const bytes = await part.toBuffer();
      if (found) throw second();
      found = { kind: mediaType(part.mimetype) === 'text/plain' ? 'text-file' : 'unstated', bytes: [bytes] };
    }
  } catch (error) {
    throw multipartError(error);
  }
  if (!found) throw new SluiceError('MULTIPART_MALFORMED', 'The form has no file. Send one part named "file".');
  return found;
}

function second(): SluiceError {
  return new SluiceError(
    'MULTIPART_MALFORMED',
    'The form has more than one file; one was expected. Send one request a file.',
  );
}

function fieldTooLarge(): SluiceError {
  return new SluiceError('BODY_TOO_LARGE', 'The field in the form is too large. Send its value as a file.');
}

function multipartError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const code = (error as { code?: string }).code ?? '';
  if (code === 'FST_FILES_LIMIT') return second();
  if (code === 'FST_REQ_FILE_TOO_LARGE')
    return new SluiceError('BODY_TOO_LARGE', 'The file in the form is larger than is allowed.');
  return new SluiceError(
    'MULTIPART_MALFORMED',
    'The form could not be read. Send multipart/form-data with one part named "file".',
  );
}
