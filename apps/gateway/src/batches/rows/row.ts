/** A row of a bulk run on its way in: what its sender calls it, and its input or why it has none. */
import type { ErrorCode } from '#inference';
import type { InputForm, InputItem } from '../../predictions/prediction-input.js';

/** Characters of what a row is called, be it an id or a file's name. */
export const MAX_ID = 1_024;

export interface Row {
  /** The sender's own id. */
  id?: string;
  /** Of a file: its name. */
  name?: string;
  input: InputItem | { code: ErrorCode; message: string };
}

/** Rows in order, as they are wanted: a row that is skipped is never read. */
export interface RowSource {
  form: InputForm;
  /** The rows behind the first `skip`. */
  rows(skip: number): AsyncIterable<Row>;
}

export function isRead(input: Row['input']): input is InputItem {
  return 'bytes' in input;
}
