/**
 * Which texts share a run. A run is padded to its longest row, so that one long text would make all of its neighbours
 * as dear as itself; texts run with those of about their length instead. A worker makes no tokens: it goes by the bytes.
 *
 * Invariant: texts of one bucket have one signature and one weight.
 */
import type { ModelDescription } from '../contract/model-description.js';

/** Of English; other scripts differ by half as much again, and alike within a script. */
const BYTES_A_TOKEN = 4;
/** Below this, padding costs less than a run of one's own. */
const SHORTEST = 32;

export interface LengthBucket {
  signature: string;
  /** What a row costs, of the dearest row of the model. */
  weight: number;
}

/** Each bucket is twice as long as the one below; the last holds all that is cut to the model's length. */
export function lengthBucket(bytes: number, { inputs, text }: ModelDescription): LengthBucket {
  const longest = text?.maxLength ?? SHORTEST;
  const isFixed = inputs.some(({ shape }) => typeof shape[1] === 'number');
  let tokens = isFixed ? longest : Math.min(SHORTEST, longest);
  while (tokens < longest && bytes > tokens * BYTES_A_TOKEN) tokens *= 2;
  tokens = Math.min(tokens, longest);
  return { signature: `text:${tokens}`, weight: tokens / longest };
}
