/**
 * From a detector's outputs for one picture to the boxes that it found: layout, activation, threshold, suppression of
 * overlaps. In the coordinates of the model's input; all of it in double precision.
 *
 * Invariants: the best class of a box is the one that it is told as, of equal ones the lower; boxes come best first, of
 * equal ones in the model's order; work is bounded by boxes × maxDetections.
 */
import { SluiceError } from '../../../errors.js';
import type { Tensor } from '../../../tensor/frame.js';
import type { Size } from '../../image/geometry.js';
import { valuesOf, type Values } from '../values.js';
import type { DetectionForm, PackedLayout, SeparateLayout } from './detection-form.js';
import { suppressed } from './overlap.js';

/** Left, top, right, bottom. */
export type Box = [x1: number, y1: number, x2: number, y2: number];

export interface Found {
  index: number;
  score: number;
  box: Box;
}

/** A box's numbers, and the score of its best class; `index` is below 0 where it has none. */
interface Reading {
  count: number;
  box(place: number): Box;
  best(place: number): { index: number; score: number };
}

/**
 * Boxes from the best to the `maxDetections`th, with `keep` deciding which count at all. `frame` is the size of the
 * model's input.
 * @throws SluiceError where the outputs hold NaN, or have other shapes than the package says.
 */
export function detect(
  outputs: readonly Tensor[],
  form: DetectionForm,
  how: { frame: Size; keep(box: Box): boolean },
): Found[] {
  const reading = readDetections(outputs, form);
  const corners = cornersOf(form, how.frame);
  const found: Found[] = [];
  for (let place = 0; place < reading.count; place++) {
    const { index, score } = reading.best(place);
    if (Number.isNaN(score)) throw notANumber();
    if (index < 0 || index === form.background || !(score >= form.threshold)) continue;
    const at = corners(reading.box(place));
    if (at.some(Number.isNaN)) throw notANumber();
    if (how.keep(at)) found.push({ index, score, box: at });
  }
  // Sorting is stable.
  found.sort((a, b) => b.score - a.score);
  return form.nms
    ? suppressed(found, { iou: form.nms.iou, most: form.maxDetections })
    : found.slice(0, form.maxDetections);
}

/** @throws SluiceError where the outputs have other shapes than the package says. */
export function readDetections(outputs: readonly Tensor[], form: DetectionForm): Reading {
  return form.layout.kind === 'packed'
    ? readPacked(outputs, form, form.layout)
    : readSeparate(outputs, form, form.layout);
}

function readSeparate(outputs: readonly Tensor[], form: DetectionForm, layout: SeparateLayout): Reading {
  const { boxes: boxesAt, scores: scoresAt, classes: classesAt } = layout;
  const boxes = ofOnePicture(outputs[boxesAt]!, 2);
  const count = boxes.shape[0]!;
  if (boxes.shape[1] !== 4) throw odd(outputs[boxesAt]!, '[boxes, 4]');
  const corners = valuesOf(boxes);
  const box = (place: number): Box => Array.from(corners.subarray(place * 4, place * 4 + 4)) as Box;
  if (classesAt === undefined) {
    const scores = ofOnePicture(outputs[scoresAt]!, 2);
    if (scores.shape[0] !== count) throw odd(outputs[scoresAt]!, `scores of ${count} boxes`);
    const classes = scores.shape[1]!;
    const values = valuesOf(scores);
    return { count, box, best: (place) => bestClass(values, { from: place * classes, step: 1, classes, form }) };
  }
  const scores = ofOnePicture(outputs[scoresAt]!, 1);
  const classes = ofOnePicture(outputs[classesAt]!, 1);
  for (const [tensor, place] of [
    [scores, scoresAt],
    [classes, classesAt],
  ] as const) {
    if (tensor.shape[0] !== count) throw odd(outputs[place]!, `one number for each of ${count} boxes`);
  }
  const values = valuesOf(scores);
  const indices = valuesOf(classes);
  return {
    count,
    box,
    best: (place) => ({ index: Math.round(indices[place]!), score: activated(values[place]!, form) }),
  };
}

function readPacked(outputs: readonly Tensor[], form: DetectionForm, layout: PackedLayout): Reading {
  const { output, at, fixed, transposed } = layout;
  const tensor = ofOnePicture(outputs[output]!, 2);
  const [count, columns] = (transposed ? [tensor.shape[1], tensor.shape[0]] : tensor.shape) as [number, number];
  const classes = columns - fixed;
  if (at.classes === undefined ? classes !== 0 : classes < 1)
    throw odd(outputs[output]!, `${fixed} numbers a box, and classes`);
  const values = valuesOf(tensor);
  const [row, step] = transposed ? [1, count] : [columns, 1];
  const placeOf = (column: number): number => (column < 0 ? column + columns : column) * step;
  const box = (place: number): Box =>
    Array.from({ length: 4 }, (_, i) => values[place * row + placeOf(at.box!) + i * step]!) as Box;
  const objectness = (place: number): number =>
    at.objectness === undefined ? 1 : activated(values[place * row + placeOf(at.objectness)]!, form);
  const best: Reading['best'] =
    at.classes === undefined
      ? (place) => ({
          index: Math.round(values[place * row + placeOf(at.label!)]!),
          score: activated(values[place * row + placeOf(at.score!)]!, form),
        })
      : (place) => bestClass(values, { from: place * row + placeOf(at.classes!), step, classes, form });
  return {
    count,
    box,
    best: (place) => {
      const { index, score } = best(place);
      return { index, score: score * objectness(place) };
    },
  };
}

/** The class with the highest score, `background` apart, which counts in the sum of a softmax all the same. */
function bestClass(
  values: Values,
  { from, step, classes, form }: { from: number; step: number; classes: number; form: DetectionForm },
): { index: number; score: number } {
  let index = -1;
  let highest = -Infinity;
  let overall = -Infinity;
  for (let i = 0, at = from; i < classes; i++, at += step) {
    const value = values[at]!;
    if (Number.isNaN(value)) return { index: i, score: NaN };
    if (value > overall) overall = value;
    if (i === form.background || (index >= 0 && value <= highest)) continue;
    highest = value;
    index = i;
  }
  if (form.activation !== 'softmax') return { index, score: activated(highest, form) };
  let sum = 0;
  for (let i = 0, at = from; i < classes; i++, at += step) sum += Math.exp(values[at]! - overall);
  return { index, score: Math.exp(highest - overall) / sum };
}

function activated(value: number, { activation }: DetectionForm): number {
  return activation === 'sigmoid' ? 1 / (1 + Math.exp(-value)) : value;
}

/** From the model's numbers for a box to its corners in pixels of the model's input. */
function cornersOf({ boxFormat, coordinates }: DetectionForm, frame: Size): (box: Box) => Box {
  const [x, y] = coordinates === 'fractions' ? [frame.width, frame.height] : [1, 1];
  if (boxFormat === 'xyxy') return ([left, top, right, bottom]) => [left * x, top * y, right * x, bottom * y];
  const half = boxFormat === 'cxcywh' ? 0.5 : 0;
  return ([first, second, width, height]) => {
    const left = (first - half * width) * x;
    const top = (second - half * height) * y;
    return [left, top, left + width * x, top + height * y];
  };
}

/** Without the batch axis, where there is one. */
function ofOnePicture(tensor: Tensor, rank: number): Tensor {
  if (tensor.shape.length === rank) return tensor;
  if (tensor.shape.length === rank + 1 && tensor.shape[0] === 1) return { ...tensor, shape: tensor.shape.slice(1) };
  throw odd(tensor, `${rank} axes for one picture`);
}

function odd({ name, shape }: Tensor, expected: string): SluiceError {
  return new SluiceError(
    'MODEL_RUN_FAILED',
    `The model's output "${name}" came with shape [${shape.join(',')}]; expected ${expected}. Correct the section "output" of model.json.`,
  );
}

function notANumber(): SluiceError {
  return new SluiceError(
    'MODEL_RUN_FAILED',
    'The model answered NaN for this input. Check the model and its preprocessing.',
  );
}
