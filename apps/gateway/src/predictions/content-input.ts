/** What a request brought to a prediction's input: raw bytes, text, or JSON, as the model takes them. */
import { joined, SluiceError, takenBy, type InputType, type ModelDescription } from '#inference';
import type { Body } from '../http/body.js';
import { inputFromJson } from './json-input.js';
import type { PredictionInput } from './prediction-input.js';
import type { Content } from './request-content.js';
import { textFromBytes } from './text-input.js';

const OPENING_BRACE = 0x7b;
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);
const PLURALS: Record<InputType, string> = { tensors: 'tensors', image: 'pictures', text: 'texts' };

export function inputFromContent({ kind, bytes }: Content, model: ModelDescription): PredictionInput {
  switch (kind) {
    case 'json':
      return inputFromJson(joined(bytes), model);
    case 'image':
    case 'text':
      return media(bytes, kind, model);
    case 'text-file':
      return takenBy(model.task) === 'text' ? media(bytes, 'text', model) : inputFromBytes(bytes, model);
    case 'unstated':
      return inputFromBytes(bytes, model);
  }
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
