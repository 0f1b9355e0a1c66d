/**
 * JSON bodies to values. Nesting is bounded by a scan before the parse, for a parser descends as deep as it is told to.
 */
import { isUtf8 } from 'node:buffer';
import { SluiceError } from '#inference';

export const MAX_JSON_DEPTH = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** A string longer than this is searched for its end rather than read: a picture in base64 is one of 100 000 bytes. */
const READ_BYTES = 64;

/** @throws JSON_MALFORMED, JSON_TOO_DEEP */
export function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new SluiceError('JSON_MALFORMED', 'The body is not UTF-8, which JSON must be.');
  checkDepth(body);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new SluiceError('JSON_MALFORMED', 'The body says it is JSON but does not parse. Send one JSON object.');
  }
}

/** One pass over the bytes; strings are skipped, for brackets in them do not nest. */
function checkDepth(body: Buffer): void {
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) i = endOfString(body, i + 1);
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_JSON_DEPTH) {
        throw new SluiceError('JSON_TOO_DEEP', `The JSON nests deeper than ${MAX_JSON_DEPTH} levels. Flatten it.`);
      }
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
}

/** Index of the quote that ends the string whose first byte is at `from`; the body's length where none does. */
function endOfString(body: Buffer, from: number): number {
  let i = from;
  for (;;) {
    for (const far = Math.min(i + READ_BYTES, body.length); i < far; i++) {
      if (body[i] === BACKSLASH) i++;
      else if (body[i] === QUOTE) return i;
    }
    // Reading has passed every escape it began, so only backslashes from here on can belong to the quote.
    const quote = body.indexOf(QUOTE, i);
    if (quote < 0) return body.length;
    let escapes = 0;
    while (quote - escapes > i && body[quote - escapes - 1] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return quote;
    i = quote + 1;
  }
}
