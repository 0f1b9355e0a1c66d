/**
 * Rows that are made up to try a model with, by kind. One input each, which is one row.
 *
 * Invariant: the same model gets the same rows every time.
 */
import type { ExecutorInput } from '../../../contract/executor-messages.js';

export interface RowKind {
  /** In words that fit behind "a row of" and "rows of". */
  name: string;
  /** Such rows could come from a caller who means well. */
  isPlausible: boolean;
  rows: ExecutorInput[];
}

/** Different rows of random values: as many as neighbours of one row are worth trying. */
export const RANDOM_ROWS = 8;
