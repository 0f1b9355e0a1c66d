/**
 * How many rows share a chunk, and so a record, a job and an answer.
 *
 * Invariant: what a chunk answers stays far below the 512 MB that Redis keeps under one key, as far as the shapes of the
 * model's outputs say; an axis of which they say nothing counts as one. As far as is known what a row takes, a chunk is
 * run within MAX_CHUNK_MS, so that workers share what is slow, and one that stops finishes what it has begun.
 */
import { bytesPerElement, MAX_CHUNK_ROWS, type ModelDescription, type TensorSpec } from '#inference';

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_CHUNK_MS = 5_000;

/** What workers have learned of a version, in milliseconds: a run of n rows takes `alpha` n + `beta`. */
export interface Learned {
  /** Of texts by the dearest, so that chunks of short ones have fewer than could be. */
  alpha?: number;
  beta?: number;
}

export function rowsOfChunk(
  { task, outputs, maxBatchSize }: ModelDescription,
  { alpha = 0, beta = 0 }: Learned = {},
): number {
  // What the other tasks answer is no tensor of the model's.
  const answer = task === 'tensor' ? outputs.reduce((sum, output) => sum + rowBytes(output), 0) : 0;
  const rowMs = alpha + beta / maxBatchSize;
  return Math.max(1, Math.min(MAX_CHUNK_ROWS, Math.floor(MAX_ANSWER_BYTES / answer), Math.floor(MAX_CHUNK_MS / rowMs)));
}

function rowBytes({ dtype, shape }: TensorSpec): number {
  const elements = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
  return dtype === 'string' ? elements : elements * bytesPerElement(dtype);
}
