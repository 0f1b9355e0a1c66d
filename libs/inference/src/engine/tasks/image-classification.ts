/**
 * The task "image-classification": a picture, or rows of an already normalised tensor, to the best classes.
 *
 * Invariant: that package and model fit each other is settled when the model is loaded; afterwards only a picture can
 * be wrong.
 */
import { SluiceError } from '../../errors.js';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import type { TensorSpec } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';
import { decodeImage } from '../image/decode.js';
import { place } from '../image/place.js';
import type { Pixels } from '../image/pixels.js';
import { toTensor } from '../image/to-tensor.js';
import type { OutputSpec } from '../manifest.js';
import { checkTensors, shown } from './check-tensors.js';
import { pictureFormOf, type PictureForm } from './picture-form.js';
import { activate, best, scoresOf, type ScoredClass } from './scores.js';
import type { Decoded, Task, TaskContext } from './task.js';
import { readFrame } from './tensor.js';

export function imageClassification(context: TaskContext): Task {
  const { manifest, labels, inputs, batched } = context;
  const form = pictureFormOf(context);
  checkClasses(context.outputs[0]!, labels);
  const convert = toTensor(form.normalisation, form.dtype);
  return {
    decode: async (input) => {
      if (input.type === 'tensors') return { kind: 'tensors', tensors: readFrame(input) };
      return { kind: 'pixels', pixels: await decodeImage(input.bytes) };
    },
    preprocess: (decoded: Decoded, rows: number) => {
      if (decoded.kind === 'tensors') return checkTensors(decoded.tensors, { inputs, batched, rows });
      if (rows !== 1)
        throw new SluiceError(
          'INPUT_INVALID',
          `A picture is 1 row; ${rows} were announced. Send one picture an input.`,
        );
      const pixels = place(decoded.pixels, form.placement);
      checkSize(pixels, decoded.pixels, form);
      return [{ name: form.input.name, dtype: form.dtype, shape: form.shapeOf(pixels), data: convert(pixels) }];
    },
    postprocess: (outputs: Tensor[], input: ExecutorInput) => {
      const rows = Array.from({ length: input.rows }, (_, row) =>
        classify(outputs[0]!, row, { ...manifest.output, names: labels }),
      );
      return { kind: 'json', value: input.type === 'image' ? rows[0] : rows };
    },
    encode: (answer) => {
      if (answer.kind !== 'json') throw new Error('A classifier answers with JSON.');
      return { type: 'json', bytes: Buffer.from(JSON.stringify(answer.value)) };
    },
    trialShapes: () => [form.shapeOf(form.trialSize)],
    checkTrial: ([output]) => checkClasses({ ...output!, shape: output!.shape }, labels),
  };
}

function classify(
  output: Tensor,
  row: number,
  how: Omit<OutputSpec, 'labels'> & { names: string[] | undefined },
): unknown {
  const scores = activate(scoresOf(output, row), how.activation);
  if (scores.some(Number.isNaN)) {
    throw new SluiceError(
      'MODEL_RUN_FAILED',
      'The model answered NaN for this input. Check the model and its preprocessing.',
    );
  }
  const top: ScoredClass[] = best(scores, how.topK, how.names);
  const { index, ...first } = top[0]!;
  return { prediction: index, ...first, top };
}

/** Class scores are one vector a row, of as many numbers as there are labels. */
function checkClasses({ name, dtype, shape }: TensorSpec, labels: string[] | undefined): void {
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

/** Only models without resize and crop, or of free sizes, can be given a picture of the wrong size. */
function checkSize(pixels: Pixels, source: Pixels, { size }: PictureForm): void {
  const { height, width } = size;
  if ((height ?? pixels.height) === pixels.height && (width ?? pixels.width) === pixels.width) return;
  throw new SluiceError(
    'INPUT_INVALID',
    `The picture is ${source.width}x${source.height} pixels; this model takes ${width ?? 'any'}x${height ?? 'any'} and does not resize.`,
  );
}
