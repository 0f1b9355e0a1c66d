/** A request's body to a prediction's input: raw bytes, text, a form with one file, or JSON. */
import type { FastifyRequest } from 'fastify';
import { joined, SluiceError, takenBy, type InputType, type ModelDescription } from '#inference';
import type { Body } from '../http/body.js';
import { mediaType } from '../http/predict-gate.js';
import { inputFromJson } from './json-input.js';
import type { PredictionInput } from './prediction-input.js';
import { textFromBytes } from './text-input.js';

const OPENING_BRACE = 0x7b;
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);
const PLURALS: Record<InputType, string> = { tensors: 'tensors', image: 'pictures', text: 'texts' };

export async function readInput(request: FastifyRequest, model: ModelDescription): Promise<PredictionInput> {
  const kind = mediaType(request.headers['content-type']);
  if (kind === 'multipart/form-data') {
    const { bytes, isText } = await fileOf(request);
    return isText && takenBy(model.task) === 'text' ? media([bytes], 'text', model) : inputFromBytes([bytes], model);
  }
  const body = request.body as Body;
  if (kind === 'application/json') return inputFromJson(joined(body), model);
  if (kind.startsWith('image/')) return media(body, 'image', model);
  if (kind !== 'text/plain') return inputFromBytes(body, model);
  checkCharset(request.headers['content-type']);
  return media(body, 'text', model);
}

/** Bytes of no stated kind: JSON says what it is with its first character, all else must be what the model takes. */
function inputFromBytes(bytes: Body, model: ModelDescription): PredictionInput {
  if (firstOf(bytes) === OPENING_BRACE) return inputFromJson(joined(bytes), model);
  return media(bytes, takenBy(model.task) === 'text' ? 'text' : 'image', model);
}

/** The first byte that is not blank. */
function firstOf(pieces: Body): number | undefined {
  for (const piece of pieces) {
    const first = piece.find((byte) => !BLANKS.has(byte));
    if (first !== undefined) return first;
  }
  return undefined;
}

function media(bytes: Body, type: 'image' | 'text', model: ModelDescription): PredictionInput {
  if (bytes.every((piece) => piece.length === 0)) {
    throw new SluiceError('BODY_EMPTY', `The ${type === 'text' ? 'text' : 'picture'} has no bytes.`);
  }
  checkTaken(type, model);
  const item = type === 'text' ? textFromBytes(bytes, model) : { type, rows: 1, bytes };
  return { form: 'bytes', items: [item] };
}

/** @throws MEDIA_TYPE_UNSUPPORTED where the model takes something else. */
function checkTaken(type: 'image' | 'text', model: ModelDescription): void {
  const taken = takenBy(model.task);
  if (type === taken) return;
  const names = model.inputs.map((input) => `${input.name} (${input.dtype})`).join(', ');
  const how = {
    tensors: `application/json for ${names}`,
    image: 'image/*, or JSON with the picture in base64',
    text: 'text/plain, or JSON: {"input": "…"}',
  };
  throw new SluiceError(
    'MEDIA_TYPE_UNSUPPORTED',
    `Model "${model.name}" takes ${PLURALS[taken]}, not ${PLURALS[type]}: send ${how[taken]}.`,
  );
}

function checkCharset(contentType: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? '')?.[1];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new SluiceError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The text is in the charset ${JSON.stringify(charset.slice(0, 40))}; UTF-8 was expected. Convert it.`,
  );
}

interface FormFile {
  bytes: Buffer;
  /** It says of itself that it is a text, so that it is none of another kind. */
  isText: boolean;
}

/** The part named `file`, or `data`, or the only file of the form; a second file is refused, not dropped. */
async function fileOf(request: FastifyRequest): Promise<FormFile> {
  let found: FormFile | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type !== 'file') {
        if (part.fieldname !== 'file' && part.fieldname !== 'data') continue;
        if (found) throw second();
        // A form's fields are kept in memory while they come, files as they are read.
        if (part.valueTruncated) throw fieldTooLarge();
        found = { bytes: Buffer.from(String(part.value)), isText: false };
        continue;
      }
      const bytes = await part.toBuffer();
      if (found) throw second();
      found = { bytes, isText: mediaType(part.mimetype) === 'text/plain' };
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
