/** From a classifier's raw output of one row to its best classes. All of it in double precision. */
import { SluiceError } from '../../errors.js';
import type { OutputSpec } from '../../packages/manifest/classification.js';
import { fromFloat16Bits } from '../../tensor/float16.js';
import type { Tensor } from '../../tensor/frame.js';

export interface ScoredClass {
  index: number;
  label?: string;
  score: number;
}

/** A classifier's answer for one row: the best class, and the best of all. */
export interface Classification {
  prediction: number;
  label?: string;
  score: number;
  /** Best first, `topK` at most. */
  top: ScoredClass[];
}

/** @throws SluiceError where the model answered NaN. */
export function classify(
  output: Tensor,
  row: number,
  how: Omit<OutputSpec, 'labels'> & { names: readonly string[] | undefined },
): Classification {
  const scores = activate(scoresOf(output, row), how.activation);
  if (scores.some(Number.isNaN)) {
    throw new SluiceError(
      'MODEL_RUN_FAILED',
      'The model answered NaN for this input. Check the model and its preprocessing.',
    );
  }
  const top = best(scores, how.topK, how.names);
  const { index, ...first } = top[0]!;
  return { prediction: index, ...first, top };
}

/** Row `row` of an output of shape [rows, classes] or [rows, classes, 1, 1]. */
export function scoresOf({ dtype, data, shape }: Tensor, row: number): Float64Array {
  const classes = data.length / shape[0]!;
  const values = (data as Float32Array | Float64Array | Uint16Array).subarray(row * classes, (row + 1) * classes);
  return dtype === 'float16' ? Float64Array.from(values, fromFloat16Bits) : Float64Array.from(values);
}

export function activate(scores: Float64Array, activation: OutputSpec['activation']): Float64Array {
  if (activation === 'none') return scores;
  if (activation === 'sigmoid') return scores.map((score) => 1 / (1 + Math.exp(-score)));
  // Less the largest, so that no power overflows.
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The `count` best, best first; of equal ones the lower index first. */
export function best(scores: Float64Array, count: number, labels: readonly string[] | undefined): ScoredClass[] {
  const top: ScoredClass[] = [];
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index]!;
    if (top.length === count && score <= top[count - 1]!.score) continue;
    let at = top.length;
    while (at > 0 && top[at - 1]!.score < score) at--;
    const label = labels?.[index];
    top.splice(at, 0, label === undefined ? { index, score } : { index, label, score });
    if (top.length > count) top.pop();
  }
  return top;
}
