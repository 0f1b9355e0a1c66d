/**
 * What is proposed for detectors, known by the names and shapes of their outputs: torchvision's, DETR's, YOLO's, and
 * others with boxes and scores of their own.
 *
 * Source of the forms: docs/packages.md, "object-detection". YOLO's count of boxes: one (v8) or three (v5) for each cell
 * of grids of strides 8, 16 and 32.
 */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';
import type { InspectedModel } from './inspected-model.js';
import { labelsProposal } from './labels-proposal.js';
import { colors, wholeImage, type ImageProposal, type PictureInput } from './picture-input.js';
import type { Proposal } from './proposal.js';

const DETR_SIDE = 800;
const YOLO_SIDE = 640;
const STRIDES = [8, 16, 32];
const TORCHVISION = ['boxes', 'labels', 'scores'];

interface Detector {
  what: string;
  image: ImageProposal;
  output: Record<string, unknown>;
  classes: number | undefined;
  guesses: string[];
}

export function proposeDetection(picture: PictureInput, model: InspectedModel): Proposal | undefined {
  const { outputs } = model.header;
  const found = torchvision(picture, outputs) ?? boxesAndScores(picture, outputs) ?? packed(picture, outputs[0]!);
  if (!found) return undefined;
  const labels = labelsProposal(model, found.classes);
  return {
    manifest: {
      task: 'object-detection',
      image: found.image.image,
      output: { ...found.output, ...labels.output },
    },
    guesses: [`task: ${found.what}`, ...found.image.guesses, ...found.guesses, ...labels.guesses],
  };
}

function torchvision({ height, width, ...input }: PictureInput, outputs: readonly OnnxValue[]): Detector | undefined {
  if (!TORCHVISION.every((name) => outputs.some((output) => output.name === name))) return undefined;
  const resize = height === undefined || width === undefined ? {} : { resize: { exact: [height, width] } };
  return {
    what: 'the outputs boxes, labels and scores are those of torchvision',
    image: {
      image: { ...resize, ...colors(input) },
      guesses: ['image.scale: bytes become 0 to 1; such models resize and normalise by themselves'],
    },
    output: { firstLabel: 1 },
    classes: undefined,
    guesses: ['output.firstLabel: class 0 is the background there, so a list of labels begins with class 1'],
  };
}

function boxesAndScores(picture: PictureInput, outputs: readonly OnnxValue[]): Detector | undefined {
  const named = (pattern: RegExp): OnnxValue | undefined => outputs.find(({ name }) => pattern.test(name));
  const boxes = outputs.find(({ name, shape }) => /box/i.test(name) && shape?.at(-1) === 4);
  const scores = named(/score|logit|conf|prob/i);
  const classes = named(/class|label/i);
  if (!boxes || !scores || boxes === scores) return undefined;
  const isDetr = /logit/i.test(scores.name);
  const last = scores.shape?.at(-1);
  const count = scores.shape?.length === boxes.shape!.length && typeof last === 'number' ? last : undefined;
  if (!classes && count === undefined) return undefined;
  const one = {
    boxes: boxes.name,
    scores: scores.name,
    ...(classes && classes !== scores ? { classes: classes.name } : {}),
  };
  const form = isDetr
    ? {
        boxFormat: 'cxcywh',
        coordinates: 'fractions',
        activation: 'softmax',
        ...(count === undefined ? {} : { background: count - 1 }),
      }
    : { boxFormat: 'xyxy', coordinates: 'pixels' };
  return {
    what: `the outputs ${boxes.name} and ${scores.name} are boxes and their scores`,
    image: wholeImage(picture, DETR_SIDE),
    output: { ...one, ...form },
    classes: isDetr && count !== undefined ? count - 1 : count,
    guesses: [
      isDetr
        ? 'output: centre and size in fractions, logits whose last class is "no object", as DETR has them'
        : 'output.boxFormat, output.coordinates: corners in pixels of the input; others have centres, or fractions',
    ],
  };
}

/** All in one output, [N, boxes, columns] or [N, columns, boxes]. */
function packed(picture: PictureInput, { name, shape = [] }: OnnxValue): Detector | undefined {
  const [, second, third] = shape;
  if (shape.length !== 3) return undefined;
  const cells = cellsOf(picture);
  if (third === 6 && second !== 4)
    return yolo(picture, { name, columns: ['box', 'score', 'label'], classes: undefined });
  if (typeof second === 'number' && second > 4 && isCount(third, cells, name)) {
    return yolo(picture, { name, columns: ['box', 'classes'], classes: second - 4, transposed: true });
  }
  if (typeof third === 'number' && third > 5 && isCount(second, cells && 3 * cells, name)) {
    return yolo(picture, { name, columns: ['box', 'objectness', 'classes'], classes: third - 5 });
  }
  return undefined;
}

interface Yolo {
  name: string;
  columns: string[];
  classes: number | undefined;
  transposed?: boolean;
}

function yolo(picture: PictureInput, { name, columns, classes, transposed }: Yolo): Detector {
  const { height = YOLO_SIDE, width = YOLO_SIDE } = picture;
  const isEnded = columns.includes('label');
  return {
    what: `the output ${name} is one of YOLO's: ${columns.join(', ')} of each box`,
    image: {
      image: { resize: { letterbox: [height, width] }, ...colors(picture) },
      guesses: ['image.resize: the whole picture in a gray frame, bytes to 0 to 1, as YOLO prepares them'],
    },
    output: {
      packed: { columns, ...(transposed ? { transposed } : {}) },
      boxFormat: isEnded ? 'xyxy' : 'cxcywh',
      coordinates: 'pixels',
      threshold: 0.25,
      ...(isEnded ? {} : { nms: { iou: 0.7 } }),
    },
    classes,
    guesses: [
      `output.boxFormat: ${isEnded ? 'corners' : 'centre and size'} in pixels of the input`,
      `output.threshold: 0.25${isEnded ? '' : ', and of boxes that overlap by 0.7 the best'}, as YOLO tells them`,
    ],
  };
}

function cellsOf({ height, width }: PictureInput): number | undefined {
  if (height === undefined || width === undefined) return undefined;
  return STRIDES.reduce((sum, stride) => sum + Math.ceil(height / stride) * Math.ceil(width / stride), 0);
}

/** Of boxes: as many as there are cells, or free where the sides are. */
function isCount(size: number | string | null | undefined, cells: number | undefined, name: string): boolean {
  if (typeof size === 'number') return size === cells;
  return cells === undefined && size !== undefined && /^output0?$/.test(name);
}
