/**
 * What a segmenter's output holds: the section "output" of model.json and the output itself put together. What the
 * model's file leaves open shows in the trial run with which every segmenter is loaded.
 */
import { SluiceError } from '../../../errors.js';
import type { SegmentationSpec } from '../../../packages/manifest/segmentation.js';
import type { Tensor } from '../../../tensor/frame.js';
import { shown } from '../check-tensors.js';
import type { TaskContext } from '../task.js';
import { isFloat } from '../values.js';

/** A class map has one byte a pixel, of which the last value is kept for pixels without a class. */
export const MOST_CLASSES = 255;
export const NO_CLASS = 255;

export interface SegmentationForm extends Omit<SegmentationSpec, 'map'> {
  /** Place among the model's outputs. */
  output: number;
  /** Whether the output has a batch axis in front. */
  batched: boolean;
  channelsFirst: boolean;
}

/** One picture's output, read: how its numbers lie. */
export interface MapLayout {
  kind: 'scores' | 'classes';
  height: number;
  width: number;
  /** Scores a pixel; 1 where each is the score of class 1 against class 0, or a class. */
  channels: number;
}

/** @throws Error that says what in model.json does not fit the model. */
export function segmentationFormOf(context: TaskContext<'image-segmentation'>): SegmentationForm {
  const { map, ...spec } = context.manifest.output;
  const output = map === undefined ? 0 : context.outputs.findIndex(({ name }) => name === map);
  if (output < 0) {
    const names = context.outputs.map(({ name, shape }) => `"${name}" ${shown(shape)}`).join(', ');
    throw new Error(`model.json: output.map: came "${map}", expected an output of the model; it has ${names}.`);
  }
  const { shape } = context.outputs[output]!;
  const channelsFirst = context.manifest.image!.layout === 'NCHW';
  const batched = context.batched && shape.length !== 2 && context.inputs[0]?.shape.length === 4;
  return { ...spec, output, channelsFirst, batched };
}

/** @throws SluiceError where the output is no map, or model.json must say what it holds. */
export function layoutOf(tensor: Tensor, form: SegmentationForm): MapLayout {
  const whole = `The model's output "${tensor.name}" (${tensor.dtype} ${shown(tensor.shape)})`;
  // A batch axis of one picture, which is also there where the batch was cut up.
  const shape =
    tensor.shape.length === 4 || (form.batched && tensor.shape.length === 3) ? tensor.shape.slice(1) : tensor.shape;
  if ((shape.length !== 2 && shape.length !== 3) || tensor.dtype === 'string') {
    throw wrong(
      `${whole} is no map; expected [N, classes, height, width] or [N, height, width]. Name another as output.map.`,
    );
  }
  const [channels, height, width] = (
    shape.length === 2 ? [1, ...shape] : form.channelsFirst ? shape : [shape[2], shape[0], shape[1]]
  ) as [number, number, number];
  const kind = form.values ?? (isFloat(tensor.dtype) ? (channels > 1 ? 'scores' : undefined) : 'classes');
  if (kind === undefined) {
    throw wrong(
      `${whole} holds one number a pixel: say in model.json whether output.values are "scores" or "classes".`,
    );
  }
  if (kind === 'classes' && channels !== 1) {
    throw wrong(`${whole} holds ${channels} numbers a pixel; expected one, as output.values are "classes".`);
  }
  if (kind === 'scores' && !isFloat(tensor.dtype)) {
    throw wrong(`${whole} holds ${tensor.dtype}; expected floating point, as output.values are "scores".`);
  }
  if (kind === 'scores' && channels === 1 && form.activation === 'softmax') {
    throw wrong(
      `${whole} holds one score a pixel, of which there is no softmax: set output.activation to "sigmoid", or to "none" for a model that ends in one.`,
    );
  }
  if (channels > MOST_CLASSES) throw wrong(`${whole} has ${channels} classes; at most ${MOST_CLASSES} are served.`);
  if (kind === 'classes' && form.confidence) {
    throw wrong(`${whole} holds classes without scores: leave out output.confidence.`);
  }
  return { kind, height, width, channels };
}

/** How many classes a layout can tell, where it says so. */
export function classCount({ kind, channels }: MapLayout): number | undefined {
  if (kind === 'classes') return undefined;
  return channels === 1 ? 2 : channels;
}

function wrong(message: string): SluiceError {
  return new SluiceError('MODEL_RUN_FAILED', message);
}
