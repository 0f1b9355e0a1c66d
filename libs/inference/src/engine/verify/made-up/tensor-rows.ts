/**
 * Made-up rows for a model that takes tensors. What its file leaves open is found by trying: sizes of free axes, and how
 * far whole numbers may go, for one that is an index into a table fails beyond its end.
 */
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import type { ModelDescription, TensorSpec } from '../../../contract/model-description.js';
import { elementCount } from '../../../tensor/dtype.js';
import { encodeFrame } from '../../../tensor/frame.js';
import { RANDOM_ROWS, type RowKind } from './kinds.js';
import { Random } from './random.js';
import { filled, highest, isFloat, type Kind, type Range } from './tensor-values.js';

/** Sizes of free axes, all of them alike, in the order in which they are tried. */
const FREE_SIZES = [8, 1, 2, 3, 4, 16, 32, 64, 128, 224, 256, 512];
/** Ends of whole numbers, the widest first. */
const HIGHS = [1_000, 100, 10, 2];
const MAX_ELEMENTS = 4 * 1024 * 1024;
const MASK = /mask/i;

/** Whether an input runs alone. */
export type Trial = (input: ExecutorInput, step: string) => Promise<boolean>;

interface Fit {
  size: number;
  ranges: Range[];
}

/** No kinds where nothing runs at all. */
export async function tensorRows(model: ModelDescription, runs: Trial): Promise<RowKind[]> {
  const fit = await fitOf(model, runs);
  if (!fit) return [];
  const { inputs } = model;
  const random = new Random(1);
  const kind = (name: string, of: Kind, count = 1): RowKind => ({
    name,
    isPlausible: of !== 'large' && of !== 'large negative',
    rows: Array.from({ length: count }, () => rowOf(model, fit, { kind: of, random })),
  });
  const kinds = [kind('random values', 'random', RANDOM_ROWS), kind('zeros', 'zeros'), kind('ones', 'ones')];
  kinds.push(kind('large values', 'large'));
  if (inputs.some(({ dtype }) => isFloat(dtype))) kinds.push(kind('large negative values', 'large negative'));
  return kinds;
}

async function fitOf(model: ModelDescription, runs: Trial): Promise<Fit | undefined> {
  const { inputs } = model;
  const isOpen = inputs.some((spec) => rowShape(model, spec).includes(null));
  const spreads: Range['spread'][] = inputs.some(({ dtype }) => isFloat(dtype)) ? ['normal', 'uniform'] : ['normal'];
  const highs = inputs.every(({ dtype }) => isFloat(dtype) || dtype === 'string') ? [1] : [1, 0];
  for (const size of isOpen ? FREE_SIZES : [1]) {
    if (inputs.some((spec) => elementCount(sized(rowShape(model, spec), size)) > MAX_ELEMENTS)) continue;
    for (const kind of ['random', 'ones', 'zeros'] as const) {
      for (const range of spreads.flatMap((spread) => highs.map((high) => ({ high, spread })))) {
        const fit = { size, ranges: inputs.map(() => range) };
        const step = isOpen ? `a run with free axes of size ${size}` : 'a first run';
        if (await runs(rowOf(model, fit, { kind, random: new Random(2) }), step)) return widened(model, fit, runs);
      }
    }
  }
  return undefined;
}

/** Whole numbers as far as they may go, one input after the other. */
async function widened(model: ModelDescription, fit: Fit, runs: Trial): Promise<Fit> {
  const ranges = [...fit.ranges];
  for (const [i, { name, dtype }] of model.inputs.entries()) {
    // What is called a mask says yes or no.
    if (isFloat(dtype) || dtype === 'string' || dtype === 'bool' || MASK.test(name)) continue;
    for (const high of HIGHS.filter((each) => each <= highest(dtype))) {
      const wider = ranges.with(i, { ...ranges[i]!, high });
      const row = rowOf(model, { ...fit, ranges: wider }, { kind: 'random', random: new Random(3), highAt: i });
      if (!(await runs(row, `a run with ${high} in ${name}`))) continue;
      ranges[i] = wider[i]!;
      break;
    }
  }
  return { ...fit, ranges };
}

interface Row {
  kind: Kind;
  random: Random;
  /** The input that is filled with the largest of its whole numbers. */
  highAt?: number;
}

function rowOf(model: ModelDescription, { size, ranges }: Fit, { kind, random, highAt }: Row): ExecutorInput {
  const tensors = model.inputs.map((spec, i) => {
    const how = { kind: i === highAt ? 'large' : kind, random, range: ranges[i]! } as const;
    return filled(spec, sized(rowShape(model, spec), size), how);
  });
  return { type: 'tensors', rows: 1, bytes: encodeFrame(tensors) };
}

/** The shape of one row, with the batch axis where there is one. */
function rowShape({ batched }: ModelDescription, { shape }: TensorSpec): (number | null)[] {
  return shape.map((size, axis) => (batched && axis === 0 ? 1 : size));
}

function sized(shape: readonly (number | null)[], size: number): number[] {
  return shape.map((each) => each ?? size);
}
