/**
 * JSON lines to rows: `{"input": row}`, the bare row, or either with the sender's own id as
 * `{"custom_id": "…", "input": row}`. A line that is no input of the model is a row that has failed, not the end of its
 * upload.
 */
import { described, SluiceError, type ModelDescription } from '#inference';
import { parseJson } from '../../http/parse-json.js';
import { inputFromJson, inputFromParsed } from '../../predictions/json-input.js';
import type { InputItem } from '../../predictions/prediction-input.js';
import { linesOf } from './lines.js';
import { MAX_ID, type Row, type RowSource } from './row.js';

/** How the usual line begins, which is read without building its arrays. */
const INPUT_FIRST = /^\s*\{\s*"input"\s*:/;
const AROUND = 64;
const COMMA = 0x2c;
/** One behind custom_id, one in a data URL, and those of the id itself. */
const MOST_COMMAS = MAX_ID + 16;

export interface JsonRowsOptions {
  bytes: AsyncIterable<Buffer>;
  model: ModelDescription;
  /** Longest line, in bytes. */
  most: number;
  /** Longest line that is little but one text, as a picture in base64 is: it is read in a tenth of the time. */
  mostText: number;
}

export function jsonRows({ bytes, model, most, mostText }: JsonRowsOptions): RowSource {
  return {
    form: 'input',
    async *rows(skip) {
      let place = 0;
      for await (const line of linesOf(bytes, Math.max(most, mostText))) {
        if (place++ < skip) continue;
        const fits = line && (line.length <= most || (line.length <= mostText && isMostlyText(line)));
        yield fits ? rowOf(line, model) : { input: tooLong(line ? most : Math.max(most, mostText)) };
      }
    },
  };
}

/** Base64 holds no commas; numbers, lists and objects are parted by them. */
function isMostlyText(line: Buffer): boolean {
  let at = -1;
  for (let commas = 0; commas <= MOST_COMMAS; commas++) {
    at = line.indexOf(COMMA, at + 1);
    if (at < 0) return true;
  }
  return false;
}

export function rowOf(line: Buffer, model: ModelDescription): Row {
  const row: Row = { input: { code: 'INTERNAL', message: '' } };
  try {
    row.input = read(line, model, row);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    row.input = { code: error.code, message: error.message };
  }
  return row;
}

/** Sets the row's id on the way, so that a row that fails still has it. */
function read(line: Buffer, model: ModelDescription, row: Row): InputItem {
  if (INPUT_FIRST.test(line.toString('latin1', 0, AROUND)) && !line.includes('"custom_id"')) {
    return inputFromJson(line, model).items[0]!;
  }
  const value = parseJson(line);
  const { custom_id: id, ...rest } = isObject(value) ? value : { custom_id: undefined };
  if (id === undefined || !isObject(value)) return inputFromParsed({ input: value }, model).items[0]!;
  row.id = ownId(id);
  const [only, ...others] = Object.keys(rest);
  if (only !== 'input' || others.length > 0) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The line has ${Object.keys(value).slice(0, 8).join(', ')}; custom_id and input were expected.`,
    );
  }
  return inputFromParsed(rest, model).items[0]!;
}

function ownId(id: unknown): string {
  if ((typeof id === 'string' && id.length <= MAX_ID && id.isWellFormed()) || isExact(id)) return String(id);
  throw new SluiceError(
    'INPUT_INVALID',
    `custom_id is ${described(id)}; a well-formed text of at most ${MAX_ID} characters or a number up to 2^53 was expected.`,
  );
}

/** Beyond 2^53 another number is read than was written. */
function isExact(id: unknown): boolean {
  return typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function tooLong(most: number): Row['input'] {
  return { code: 'BODY_TOO_LARGE', message: `The line is longer than the ${most} bytes allowed.` };
}
