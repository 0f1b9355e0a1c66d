/**
 * What all tasks that look at pictures do with an input before the run: an encoded picture, or rows of an already
 * normalised tensor, to the model's tensors.
 *
 * Invariant: an input is one encoded picture or a frame, never both; a picture is one row.
 */
import type { TensorSpec } from '../../../contract/model-description.js';
import { SluiceError } from '../../../errors.js';
import { decodeImage } from '../../image/decode.js';
import type { View } from '../../image/geometry.js';
import { wholeView } from '../../image/view.js';
import { checkTensors } from '../check-tensors.js';
import type { Task, TaskContext } from '../task.js';
import { readFrame } from '../tensor.js';
import type { PictureInput } from './picture-input.js';

/** What an answer in the picture's own pixels needs to know of it: one view for each row. */
export type Views = readonly View[];

/** Inputs of a model that is given one picture a run: where its file leaves N free, N is 1. */
export function onePicture(inputs: readonly TensorSpec[]): TensorSpec[] {
  return inputs.map((spec) => (spec.shape.length === 4 ? { ...spec, shape: [1, ...spec.shape.slice(1)] } : spec));
}

export function pictureVerbs(
  { inputs, batched }: Pick<TaskContext, 'inputs' | 'batched'>,
  input: PictureInput,
): Pick<Task<Views>, 'decode' | 'preprocess'> {
  return {
    decode: async (from) => {
      if (from.type === 'tensors') return { kind: 'tensors', tensors: readFrame(from) };
      return { kind: 'pixels', pixels: await decodeImage(from.bytes) };
    },
    preprocess: (decoded, rows) => {
      if (decoded.kind === 'tensors') {
        const tensors = checkTensors(decoded.tensors, { inputs, batched, rows });
        // A tensor is the picture as the model sees it, so its own pixels are the answer's.
        const view = wholeView(input.sizeIn(tensors[0]!.shape));
        return { tensors, memo: Array<View>(rows).fill(view) };
      }
      if (decoded.kind !== 'pixels') throw new Error('A picture decodes to pixels.');
      if (rows !== 1) {
        throw new SluiceError(
          'INPUT_INVALID',
          `A picture is 1 row; ${rows} were announced. Send one picture an input.`,
        );
      }
      return { tensors: [input.tensorOf(decoded.pixels)], memo: [input.viewOf(decoded.pixels)] };
    },
  };
}
