/**
 * Which of a detector's outputs say what: the section "output" of model.json and the model's own description put
 * together, once, when the model is loaded.
 *
 * Invariant: nothing is guessed. Left out, a field gets a default only where the outputs carry torchvision's names, whose
 * meaning is fixed; else the complaint names the field and the outputs that there are.
 */
import type { TensorSpec } from '../../../contract/model-description.js';
import type { Column, DetectionSpec, PackedSpec } from '../../../packages/manifest/detection.js';
import { shown } from '../check-tensors.js';
import type { TaskContext } from '../task.js';
import { isFloat } from '../values.js';

/** boxes [n, 4]; scores [n] and classes [n], or scores [n, classes]. Numbers are places among the model's outputs. */
export interface SeparateLayout {
  kind: 'separate';
  boxes: number;
  scores: number;
  classes: number | undefined;
}

/** [n, columns], or [columns, n] where it is transposed. */
export interface PackedLayout {
  kind: 'packed';
  /** Place among the model's outputs. */
  output: number;
  /** The first column of each kind; below 0 it is counted from the end. */
  at: Partial<Record<Column, number>>;
  /** Columns that are no classes. */
  fixed: number;
  transposed: boolean;
}

export type DetectionForm = Omit<
  DetectionSpec,
  'boxFormat' | 'coordinates' | 'packed' | 'boxes' | 'scores' | 'classes'
> & {
  layout: SeparateLayout | PackedLayout;
  boxFormat: NonNullable<DetectionSpec['boxFormat']>;
  coordinates: NonNullable<DetectionSpec['coordinates']>;
  /** Whether the outputs have a batch axis in front. */
  batched: boolean;
};

type Context = Omit<TaskContext<'object-detection'>, 'inputs'> & { inputs: readonly Pick<TensorSpec, 'shape'>[] };

/** As torchvision's detectors call what they give, in pixels of their input. */
const TORCHVISION = { boxes: 'boxes', scores: 'scores', classes: 'labels' };
/** Columns that each kind takes; "classes" take what is left. */
const WIDTHS: Record<Column, number> = { box: 4, score: 1, label: 1, objectness: 1, skip: 1, classes: 0 };

/** @throws Error that says what in model.json does not fit the model. */
export function detectionFormOf(context: Context): DetectionForm {
  const { boxFormat, coordinates, packed, boxes, scores, classes, ...spec } = context.manifest.output;
  const known = !packed && boxes === undefined && isTorchvision(context.outputs);
  if (!packed && boxes === undefined && !known) {
    throw new Error(
      `model.json: output.boxes or output.packed: came nothing, expected which output holds the boxes; ${named(context.outputs)}.`,
    );
  }
  const layout = packed
    ? packedLayout(packed, context)
    : separateLayout(known ? TORCHVISION : { boxes: boxes!, scores: scores!, classes }, context);
  const first = context.outputs[layout.kind === 'packed' ? layout.output : layout.boxes]!;
  if (layout.kind === 'separate' && layout.classes !== undefined && spec.activation === 'softmax') {
    throw new Error(
      'model.json: output.activation: came "softmax", which needs scores for each class; expected "none" or "sigmoid".',
    );
  }
  return {
    ...spec,
    layout,
    boxFormat: boxFormat ?? (known ? 'xyxy' : missing('boxFormat', '"xyxy", "xywh" or "cxcywh"')),
    coordinates:
      coordinates ?? (known ? 'pixels' : missing('coordinates', '"pixels" of the model\'s input or "fractions" of it')),
    // An output of unknown rank is shown without axes: then it is one picture a run, which is always right.
    batched: context.batched && first.shape.length === 3 && context.inputs[0]?.shape.length === 4,
  };
}

function isTorchvision(outputs: readonly TensorSpec[]): boolean {
  return Object.values(TORCHVISION).every((name) => outputs.some((output) => output.name === name));
}

function separateLayout(
  names: { boxes: string; scores: string; classes: string | undefined },
  { outputs, labels, manifest }: Context,
): SeparateLayout | PackedLayout {
  const boxes = placeOf(names.boxes, 'boxes', outputs);
  const scores = placeOf(names.scores, 'scores', outputs);
  const classes = names.classes === undefined ? undefined : placeOf(names.classes, 'classes', outputs);
  const { shape } = outputs[boxes]!;
  const rank = shape.length;
  if (rank > 0 && ((rank !== 2 && rank !== 3) || (shape.at(-1) ?? 4) !== 4)) {
    throw new Error(
      `model.json: output.boxes: "${names.boxes}" is ${shown(shape)}; expected [boxes, 4] or [N, boxes, 4].`,
    );
  }
  const scoreShape = outputs[scores]!.shape;
  const scoreRank = classes === undefined ? rank : rank - 1;
  if (rank > 0 && scoreShape.length > 0 && scoreShape.length !== scoreRank) {
    const expected = classes === undefined ? 'scores for each class of each box' : 'one score a box';
    throw new Error(
      `model.json: output.scores: "${names.scores}" is ${shown(scoreShape)}; expected ${expected}, as "${names.boxes}" is` +
        ` ${shown(shape)}${classes === undefined ? '. Name the output with the class of each box as output.classes' : ''}.`,
    );
  }
  if (classes === undefined && scoreShape.length > 0) checkLabels(scoreShape.at(-1) ?? null, { labels, manifest });
  return { kind: 'separate', boxes, scores, classes };
}

function packedLayout(packed: PackedSpec, { outputs, labels, manifest }: Context): SeparateLayout | PackedLayout {
  const output = packed.output === undefined ? 0 : placeOf(packed.output, 'packed.output', outputs);
  const { name, shape } = outputs[output]!;
  if (shape.length > 0 && shape.length !== 2 && shape.length !== 3) {
    throw new Error(
      `model.json: output.packed: "${name}" is ${shown(shape)}; expected [boxes, columns] or [N, boxes, columns].`,
    );
  }
  const fixed = packed.columns.reduce((sum, column) => sum + WIDTHS[column], 0);
  const hasClasses = packed.columns.includes('classes');
  const count = hasClasses ? labels && fixed + Math.max(labels.length, (manifest.output.background ?? -1) + 1) : fixed;
  const transposed = packed.transposed ?? isTransposed({ name, shape, count });
  const size = shape.length > 0 ? shape.at(transposed ? -2 : -1)! : null;
  if (hasClasses) checkLabels(size === null ? null : size - fixed, { labels, manifest });
  else if (size !== null && size !== fixed) {
    throw new Error(
      `model.json: output.packed.columns: they take ${fixed} numbers a box; "${name}" is ${shown(shape)}, which has ${size}.`,
    );
  }
  const at: Partial<Record<Column, number>> = {};
  let from = 0;
  const rest = packed.columns.indexOf('classes');
  packed.columns.forEach((column, place) => {
    at[column] ??= from;
    from += WIDTHS[column];
    // What follows the classes is counted from the end.
    if (place === rest) from -= fixed;
  });
  return { kind: 'packed', output, at, fixed, transposed };
}

/** By which axis has the right length, if only one has. A free axis has not: how many boxes there are may be open. */
function isTransposed({
  name,
  shape,
  count,
}: {
  name: string;
  shape: TensorSpec['shape'];
  count: number | undefined;
}): boolean {
  const [first, second] = shape.slice(-2);
  if (count !== undefined && (first === count) !== (second === count)) return first === count;
  const why =
    count === undefined
      ? 'and without labels it is open how many classes there are'
      : `and a box takes ${count} numbers`;
  throw new Error(
    `model.json: output.packed.transposed: came nothing, expected true where a box is a column, false where it is a row; "${name}" is ${shown(shape)}, ${why}.`,
  );
}

/** Every class that may be told has a name, where the names come as a list. */
function checkLabels(classes: number | null, { labels, manifest }: Pick<Context, 'labels' | 'manifest'>): void {
  const { firstLabel, background } = manifest.output;
  if (!labels || classes === null) return;
  const unnamed = (index: number): boolean => labels[index] === undefined && index !== background;
  const isList = Object.keys(labels).length === labels.length - firstLabel;
  const missing = isList && Array.from({ length: classes }, (_, index) => index).some(unnamed);
  if (labels.length <= classes && !missing) return;
  throw new Error(
    `model.json: output.labels: the file names the classes ${firstLabel} to ${labels.length - 1}; the model has the classes 0 to ${classes - 1}.` +
      ' Set output.firstLabel and output.background, or correct the file.',
  );
}

function placeOf(name: string, field: string, outputs: readonly TensorSpec[]): number {
  const place = outputs.findIndex((output) => output.name === name);
  if (place < 0)
    throw new Error(`model.json: output.${field}: came "${name}", expected an output of the model; ${named(outputs)}.`);
  const { dtype } = outputs[place]!;
  if (field !== 'classes' && !isFloat(dtype)) {
    throw new Error(
      `model.json: output.${field}: "${name}" holds ${dtype}; expected floating point. ${named(outputs)}.`,
    );
  }
  return place;
}

function named(outputs: readonly TensorSpec[]): string {
  return `the model has ${outputs.map(({ name, dtype, shape }) => `"${name}" (${dtype} ${shown(shape)})`).join(', ')}`;
}

function missing(field: string, expected: string): never {
  throw new Error(
    `model.json: output.${field}: came nothing, expected ${expected}, as the model's outputs do not say it.`,
  );
}
