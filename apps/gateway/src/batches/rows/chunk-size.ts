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

/** @param rowMs what workers have learned that a row takes. */
export function rowsOfChunk({ task, outputs }: ModelDescription, rowMs = 0): number {
  // What the other tasks answer is no tensor of the model's.
  const answer = task === 'tensor' ? outputs.reduce((sum, output) => sum + rowBytes(output), 0) : 0;
  return Math.max(1, Math.min(MAX_CHUNK_ROWS, Math.floor(MAX_ANSWER_BYTES / answer), Math.floor(MAX_CHUNK_MS / rowMs)));
}

function rowBytes({ dtype, shape }: TensorSpec): number {
  const elements = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
  return dtype === 'string' ? elements : elements * bytesPerElement(dtype);
}
