/** The section "output" of a detector: which of the model's outputs say what, and which detections are told. */
import { z } from 'zod';
import { classIndex, fileName, fraction, tensorName, type Say } from './fields.js';

/** What a column of a packed output, or several of them, holds: see docs/packages.md. */
const COLUMNS = ['box', 'score', 'label', 'objectness', 'classes', 'skip'] as const;
export type Column = (typeof COLUMNS)[number];

const COLUMN_FORMS = 'a list of "box", "score", "label", "objectness", "classes" and "skip"';

const packed = z.strictObject({
  /** The first output unless it is named. */
  output: tensorName.optional(),
  /** What one box is told by, in order: "box" is four numbers, "classes" a score for each class, all others are one. */
  columns: z.array(z.enum(COLUMNS), { error: COLUMN_FORMS }).min(1).max(64),
  /** True where a box is a column of the output, not a row. */
  transposed: z.boolean().optional(),
});

export const detectionOutput = z
  .strictObject({
    /** Names of the model's outputs: boxes [n, 4], and scores [n] with classes [n], or scores [n, classes]. */
    boxes: tensorName.optional(),
    scores: tensorName.optional(),
    classes: tensorName.optional(),
    /** Instead of these: one output that holds all. */
    packed: packed.optional(),
    boxFormat: z.enum(['xyxy', 'xywh', 'cxcywh']).optional(),
    /** Pixels of the model's input, or fractions of its sides. */
    coordinates: z.enum(['pixels', 'fractions']).optional(),
    activation: z.enum(['softmax', 'sigmoid', 'none']).default('none'),
    /** The least score that is told. */
    threshold: fraction.default(0.5),
    maxDetections: z.number().int().min(1).max(1000).default(100),
    /** Of boxes of one class that overlap by more than this, intersection over union, the best alone is told. */
    nms: z.strictObject({ iou: fraction }).optional(),
    /** The class that stands for no object. */
    background: classIndex.optional(),
    labels: fileName.optional(),
    /** Index of the class that a list of labels begins with. */
    firstLabel: classIndex.default(0),
  })
  .prefault({});

export type DetectionSpec = z.output<typeof detectionOutput>;
export type PackedSpec = z.output<typeof packed>;

const ONCE = ['box', 'score', 'label', 'objectness', 'classes'] as const;

export function checkDetection(output: DetectionSpec, say: Say): void {
  const { packed } = output;
  if (!packed) {
    if (output.boxes === undefined && (output.scores ?? output.classes) !== undefined) {
      say(['output', 'boxes'], 'the name of the output that holds the boxes', undefined);
    } else if (output.boxes !== undefined && output.scores === undefined) {
      say(['output', 'scores'], 'the name of the output that holds the scores', undefined);
    }
    return;
  }
  for (const key of ['boxes', 'scores', 'classes'] as const) {
    if (output[key] !== undefined) say(['output', key], 'nothing, as output.packed holds all', output[key]);
  }
  const count = (column: Column): number => packed.columns.filter((each) => each === column).length;
  const isWhole = count('box') === 1 && (count('classes') === 1) !== (count('score') === 1 && count('label') === 1);
  if (!isWhole || ONCE.some((column) => count(column) > 1)) {
    say(
      ['output', 'packed', 'columns'],
      '"box" and either "classes" or "score" and "label", each once',
      packed.columns,
    );
  }
}
