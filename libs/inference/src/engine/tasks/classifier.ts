/**
 * What makes a model a picture classifier, apart from decoding and running: pixels to its input tensor, and its raw
 * output to the best classes. Runs in a worker's executor and in a web page alike.
 *
 * Invariants: that package and model fit each other is settled when it is built, so that afterwards only a picture can
 * be wrong; nothing here, or in what it imports, needs Node.
 */
import type { TensorSpec } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Pixels } from '../image/pixels.js';
import { shown } from './check-tensors.js';
import { pictureInputOf, type PictureInput } from './picture/picture-input.js';
import { classify, type Classification } from './scores.js';
import type { TaskContext } from './task.js';

export interface Classifier {
  input: PictureInput;
  /** The model's input for one picture, with a batch axis of 1. @throws SluiceError for a picture of a wrong size. */
  tensorOf(pixels: Pixels): Tensor;
  /** The best classes of row `row` of the model's outputs. @throws SluiceError where the model answered NaN. */
  classesOf(outputs: readonly Tensor[], row: number): Classification;
  /** The shape of one picture's tensor, for a trial run. */
  trialShape(): number[];
  /** Looks at what a trial run made. @throws Error with what to change in the package. */
  checkTrial(outputs: readonly Tensor[]): void;
}

/** @throws Error that says what in the package does not fit the model. */
export function classifierOf(context: TaskContext<'image-classification'>): Classifier {
  const { manifest, labels, outputs } = context;
  const input = pictureInputOf(context);
  checkClasses(outputs[0]!, labels);
  const how = { ...manifest.output, names: labels };
  return {
    input,
    tensorOf: (pixels) => input.tensorOf(pixels),
    classesOf: ([output], row) => classify(output!, row, how),
    trialShape: () => input.trialShape(),
    checkTrial: ([output]) => checkClasses(output!, labels),
  };
}

/** Class scores are one vector a row, of as many numbers as there are labels. */
export function checkClasses({ name, dtype, shape }: TensorSpec, labels: string[] | undefined): void {
  const what = `The model's first output "${name}"`;
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'float64') {
    throw new Error(`${what} holds ${dtype}; expected floating point scores. Put the output with the scores first.`);
  }
  const sizes = shape.slice(1).filter((size) => size !== 1);
  if (sizes.length > 1) {
    throw new Error(`${what} has shape ${shown(shape)}; expected [N, classes]. Put the output with the scores first.`);
  }
  const classes = shape.length === 0 ? null : (sizes[0] ?? (shape.length > 1 ? 1 : null));
  if (labels && typeof classes === 'number' && labels.length !== classes) {
    throw new Error(
      `model.json: output.labels: the file has ${labels.length} labels, expected ${classes}, as the model has that many classes.`,
    );
  }
}
