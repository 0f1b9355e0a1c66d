/** A request's body to a prediction's input: raw bytes, a form with one file, or JSON. */
import type { FastifyRequest } from 'fastify';
import { joined, SluiceError, type ModelDescription } from '#inference';
import type { Body } from '../http/body.js';
import { mediaType } from '../http/predict-gate.js';
import { inputFromJson } from './json-input.js';
import type { PredictionInput } from './prediction-input.js';

const OPENING_BRACE = 0x7b;
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

export async function readInput(request: FastifyRequest, model: ModelDescription): Promise<PredictionInput> {
  const kind = mediaType(request.headers['content-type']);
  if (kind === 'multipart/form-data') return inputFromBytes([await fileOf(request)], model);
  const body = request.body as Body;
  if (kind === 'application/json') return inputFromJson(joined(body), model);
  if (kind.startsWith('image/')) return picture(body, model);
  return inputFromBytes(body, model);
}

/** Bytes of no stated kind: JSON says what it is with its first character, all else must be a picture. */
function inputFromBytes(bytes: Body, model: ModelDescription): PredictionInput {
  return firstOf(bytes) === OPENING_BRACE ? inputFromJson(joined(bytes), model) : picture(bytes, model);
}

/** The first byte that is not blank. */
function firstOf(pieces: Body): number | undefined {
  for (const piece of pieces) {
    const first = piece.find((byte) => !BLANKS.has(byte));
    if (first !== undefined) return first;
  }
  return undefined;
}

function picture(bytes: Body, model: ModelDescription): PredictionInput {
  if (bytes.every((piece) => piece.length === 0)) throw new SluiceError('BODY_EMPTY', 'The picture has no bytes.');
  if (model.task === 'tensor') {
    const names = model.inputs.map((input) => `${input.name} (${input.dtype})`).join(', ');
    throw new SluiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Model "${model.name}" takes tensors, not pictures: send application/json for ${names}.`,
    );
  }
  return { form: 'bytes', items: [{ type: 'image', rows: 1, bytes }] };
}

/** The part named `file`, or `data`, or the only file of the form; a second file is refused, not dropped. */
async function fileOf(request: FastifyRequest): Promise<Buffer> {
  let found: Buffer | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type !== 'file') {
        if (part.fieldname !== 'file' && part.fieldname !== 'data') continue;
        if (found) throw second();
        found = Buffer.from(String(part.value));
        continue;
      }
      const bytes = await part.toBuffer();
      if (found) throw second();
      found = bytes;
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
    'The form has more than one file; one was expected. Send one request a picture.',
  );
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
