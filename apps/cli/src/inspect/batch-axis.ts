/**
 * The batch axis as a worker will see it (engine/model.ts), told from the file alone.
 *
 * Source of the rules: docs/models.md, "What is read from the ONNX".
 */
import type { OnnxHeader, OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';

export interface BatchAxis {
  /** `trial`: the file leaves it open, and a run decides. */
  kind: 'rows' | 'one' | 'none' | 'trial';
  sentence: string;
}

type Axis = number | string | null | undefined;

export function batchAxisOf({ inputs, outputs }: Pick<OnnxHeader, 'inputs' | 'outputs'>): BatchAxis {
  const firsts = inputs.map(firstAxis);
  const isFree = (axis: Axis): boolean => axis === null || typeof axis === 'string';
  const isRows = firsts.length > 0 && firsts.every(isFree);
  const isOne = firsts.length > 0 && firsts.every((axis) => axis === 1);
  const open = outputs.filter(({ shape }) => shape === undefined);
  const fits = outputs.every((output) => {
    const axis = firstAxis(output);
    return output.shape === undefined || (isRows ? isFree(axis) : axis === 1);
  });
  if ((!isRows && !isOne) || !fits) {
    return { kind: 'none', sentence: 'none: a request is a run, and takes whole tensors' };
  }
  if (open.length > 0) {
    const names = open.map(({ name }) => name).join(', ');
    return { kind: 'trial', sentence: `a trial run decides, for the file leaves the shape of ${names} open` };
  }
  if (isOne) {
    return {
      kind: 'one',
      sentence: 'fixed at 1: each row runs by itself; export it with a free axis to gain from batches',
    };
  }
  const names = [...new Set(firsts.filter((axis) => typeof axis === 'string'))];
  return {
    kind: 'rows',
    sentence: `axis 0${names.length > 0 ? ` (${names.join(', ')})` : ''}: rows of many requests share a run`,
  };
}

function firstAxis({ shape }: OnnxValue): Axis {
  return shape?.[0];
}
