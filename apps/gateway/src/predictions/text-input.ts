/**
 * Texts to inputs, from raw bytes or JSON strings: each text, or pair of texts, is an item of its own, so that it runs
 * with others of its length, whoever sent them.
 *
 * Invariant: what goes on is UTF-8 and no more bytes than the model takes.
 */
import { isUtf8 } from 'node:buffer';
import { BETWEEN_TEXTS, described, joined, SluiceError, type ModelDescription } from '#inference';
import type { InputItem } from './prediction-input.js';

/** Texts in one `inputs` list: each is an item of its own in a pack. */
export const MAX_TEXTS = 256;
const HALF_CHARACTER = /\p{Surrogate}/u;
const BETWEEN = Uint8Array.of(BETWEEN_TEXTS);

/** A body, a form's file, or a file of an archive. @throws INPUT_INVALID */
export function textFromBytes(pieces: readonly Uint8Array[], model: ModelDescription): InputItem {
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  checkLength(length, 'The text', model);
  const bytes = joined(pieces);
  if (!isUtf8(bytes)) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The ${length} bytes are not a text in UTF-8, which model "${model.name}" takes. Convert the text to UTF-8.`,
    );
  }
  return { type: 'text', rows: 1, bytes: [bytes] };
}

/** A row of JSON: a text or two; undefined for what can only be ids by input name. @throws INPUT_INVALID */
export function textFromJson(row: unknown, path: string, model: ModelDescription): InputItem | undefined {
  if (typeof row === 'string') return { type: 'text', rows: 1, bytes: [utf8(row, path, model)] };
  if (Array.isArray(row) && row.length > 0 && row.every((text) => typeof text === 'string')) {
    return pair(row, path, model);
  }
  if (typeof row === 'object' && row !== null) return undefined;
  throw new SluiceError('INPUT_INVALID', `${path} is ${described(row)}; a text was expected.`);
}

function pair(texts: readonly string[], path: string, model: ModelDescription): InputItem {
  const [text, other] = texts;
  if (!model.text?.pairs || texts.length !== 2) {
    const taken = model.text?.pairs ? 'a text, or an array of two,' : 'one text';
    throw new SluiceError(
      'INPUT_INVALID',
      `${path} is ${described(texts)}; model "${model.name}" takes ${taken} as a row. Several rows go in "inputs".`,
    );
  }
  const pieces = [utf8(text!, `${path}[0]`, model), BETWEEN, utf8(other!, `${path}[1]`, model)];
  checkLength(pieces[0]!.byteLength + 1 + pieces[2]!.byteLength, path, model);
  return { type: 'text', rows: 1, bytes: pieces };
}

function utf8(text: string, path: string, model: ModelDescription): Uint8Array {
  // Each is a byte at least.
  checkLength(text.length, path, model);
  if (HALF_CHARACTER.test(text)) {
    throw new SluiceError(
      'INPUT_INVALID',
      `${path} holds half of a surrogate pair, which is no character. Send it whole.`,
    );
  }
  const bytes = Buffer.from(text);
  checkLength(bytes.byteLength, path, model);
  return bytes;
}

function checkLength(length: number, what: string, { name, text }: ModelDescription): void {
  if (!text || length <= text.maxBytes) return;
  throw new SluiceError(
    'INPUT_INVALID',
    `${what} has ${length} bytes; model "${name}" takes ${text.maxBytes} at most, of which it reads ${text.maxLength} tokens. Cut it into passages.`,
  );
}
