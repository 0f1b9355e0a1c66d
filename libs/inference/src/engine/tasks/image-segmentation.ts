/**
 * The task "image-segmentation": a picture to the class of each of its pixels.
 *
 * Invariants: the map has the size of the picture that was sent, upright as its EXIF orientation says; an answer is
 * bounded, whatever the map looks like.
 */
import { SluiceError } from '../../errors.js';
import { sliceRows, type Tensor } from '../../tensor/frame.js';
import type { View } from '../image/geometry.js';
import { grayPng } from '../image/png.js';
import { runLengths } from '../image/rle.js';
import { pictureInputOf } from './picture/picture-input.js';
import { onePicture, pictureVerbs, type Views } from './picture/pictures.js';
import { inSource, modelMap, type ClassMap, type ModelMap } from './segmentation/class-map.js';
import { classCount, layoutOf, NO_CLASS, segmentationFormOf } from './segmentation/segmentation-form.js';
import { jsonOf, type Task, type TaskContext } from './task.js';

/** A class that is on the picture. */
export interface Segment {
  label?: string;
  index: number;
  pixels: number;
  /** Mean score of the model's pixels of this class. */
  score?: number;
  /** Lengths down the columns: not this class, this class, not this class… */
  counts?: number[];
}

/** A segmenter's answer for one picture. */
export interface Segmentation {
  /** In the order of their indices. */
  classes: Segment[];
  width: number;
  height: number;
  /** Base64: 8-bit gray, each pixel its class, 255 for none. */
  png?: string;
}

const MAX_RUNS = 100_000;
const MAX_PNG_BYTES = 2 * 1024 * 1024;

export function imageSegmentation(context: TaskContext<'image-segmentation'>): Task<Views> {
  const { labels } = context;
  const form = segmentationFormOf(context);
  const { batched } = form;
  const input = pictureInputOf({ ...context, batched });
  const inputs = batched ? context.inputs : onePicture(context.inputs);
  const segment = async (output: Tensor, view: View): Promise<Segmentation> => {
    const seen = modelMap(output, layoutOf(output, form), form);
    const map = inSource(seen, view);
    const classes = segmentsOf(map, { seen, labels });
    const { width, height } = map;
    return form.form === 'rle'
      ? { classes: withRuns(classes, map), width, height }
      : { classes, width, height, png: await pngOf(map) };
  };
  return {
    batched,
    ...pictureVerbs({ inputs, batched }, input),
    postprocess: async (outputs, { type }, views) => {
      const output = outputs[form.output]!;
      const answers: Segmentation[] = [];
      // One at a time: a map is as large as its picture.
      for (const [row, view] of views!.entries()) {
        answers.push(await segment(batched ? sliceRows(output, row, row + 1) : output, view));
      }
      return { kind: 'json', value: type === 'image' ? answers[0] : answers };
    },
    encode: jsonOf,
    trialShapes: () => [input.trialShape()],
    checkTrial: (outputs) => {
      const count = classCount(layoutOf(outputs[form.output]!, form));
      if (labels) checkLabels(labels, count);
    },
  };
}

/** A list names every class; an object by index may leave some out. */
function checkLabels(labels: readonly string[], count: number | undefined): void {
  const isList = Object.keys(labels).length === labels.length;
  if (count === undefined || labels.length === count || (labels.length < count && !isList)) return;
  throw new Error(
    `model.json: output.labels: the file has ${labels.length} labels, expected ${count}, as the model has that many classes.`,
  );
}

function segmentsOf(
  map: ClassMap,
  { seen, labels }: { seen: ModelMap; labels: readonly string[] | undefined },
): Segment[] {
  const pixels = countsOf(map.data);
  const scores = seen.scores && meansOf(seen.data, seen.scores);
  const classes: Segment[] = [];
  for (let index = 0; index < NO_CLASS; index++) {
    if (pixels[index] === 0) continue;
    const label = labels?.[index];
    const score = scores?.[index];
    classes.push({
      ...(label !== undefined && { label }),
      index,
      pixels: pixels[index]!,
      ...(score !== undefined && { score }),
    });
  }
  return classes;
}

function countsOf(data: Uint8Array): Float64Array {
  const counts = new Float64Array(NO_CLASS + 1);
  for (const value of data) counts[value]!++;
  return counts;
}

function meansOf(data: Uint8Array, scores: Float32Array): Float64Array {
  const counts = countsOf(data);
  const sums = new Float64Array(NO_CLASS + 1);
  for (let i = 0; i < data.length; i++) sums[data[i]!]! += scores[i]!;
  return sums.map((sum, index) => sum / counts[index]!);
}

function withRuns(classes: readonly Segment[], map: ClassMap): Segment[] {
  const runs = runLengths(map, MAX_RUNS);
  if (runs) return classes.map((each) => ({ ...each, counts: runs.get(each.index)! }));
  throw tooLarge(map, `has more than ${MAX_RUNS} runs; "form": "png" in model.json has no such limit`);
}

async function pngOf(map: ClassMap): Promise<string> {
  const png = await grayPng(map);
  if (png.length > MAX_PNG_BYTES) throw tooLarge(map, `has ${png.length} bytes as PNG, of ${MAX_PNG_BYTES} allowed`);
  return png.toString('base64');
}

function tooLarge({ width, height }: ClassMap, why: string): SluiceError {
  return new SluiceError(
    'IMAGE_TOO_LARGE',
    `The class map of ${width}x${height} pixels ${why}. Send a smaller picture.`,
  );
}
