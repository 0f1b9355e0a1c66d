/**
 * What is sent to a model for a file, standard input or words on the command line: the bytes, and a content type that
 * their content decides; a name's ending may lie.
 */
import { open, readFile } from 'node:fs/promises';
import { sniffFormat, type ImageFormat } from '../../../../libs/inference/src/engine/image/format.js';

export interface PredictionBody {
  type: string;
  bytes: Buffer;
}

/** The largest body that a gateway can be told to take. */
const MOST_BYTES = 1024 * 1024 * 1024;
const PICTURES: Record<ImageFormat, string> = {
  JPEG: 'image/jpeg',
  PNG: 'image/png',
  WebP: 'image/webp',
  GIF: 'image/gif',
};
/** A number or a word alone is a text rather than JSON. */
const BEGINS_JSON = /^\s*[[{"]/;
/** Of these an object is a request already; any other JSON is one row. */
const REQUEST_KEYS = ['input', 'inputs', 'tensors'];

/** `-` is standard input. @throws Error with what is wrong with the file. */
export async function bodyOfFile(path: string): Promise<PredictionBody> {
  const bytes = path === '-' ? await collect(process.stdin) : await contentOf(path);
  if (bytes.length === 0) throw new Error(`${path === '-' ? 'Standard input' : path} is empty.`);
  const picture = sniffFormat(bytes);
  if (picture) return { type: PICTURES[picture], bytes };
  const text = asText(bytes);
  if (text === undefined) return { type: 'application/octet-stream', bytes };
  const json = BEGINS_JSON.test(text) ? jsonRequest(text) : undefined;
  return json ?? { type: 'text/plain; charset=utf-8', bytes };
}

/** Undefined when it is not JSON. Numbers are sent digit by digit as they were written. */
export function jsonRequest(text: string): PredictionBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isRequest =
    typeof value === 'object' && value !== null && REQUEST_KEYS.some((key) => Object.hasOwn(value, key));
  return { type: 'application/json', bytes: Buffer.from(isRequest ? text : `{"input":${text}}`) };
}

function asText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function contentOf(path: string): Promise<Buffer> {
  const file = await open(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ENOENT' ? `There is no file ${path}.` : `${path} cannot be read (${code}).`);
  });
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new Error(`${path} is a folder; "sluice batch run" takes folders of pictures.`);
    if (stats.size > MOST_BYTES) throw tooLarge();
    return stats.isFile() ? await readFile(file) : await collect(file.createReadStream());
  } finally {
    await file.close();
  }
}

async function collect(source: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) throw tooLarge();
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

function tooLarge(): Error {
  return new Error(`The input has more than ${MOST_BYTES} bytes, which no gateway takes.`);
}
