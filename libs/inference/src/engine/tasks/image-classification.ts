/**
 * The task "image-classification": a picture, or rows of an already normalised tensor, to the best classes.
 *
 * Invariant: an input is one encoded picture or a frame, never both; a picture is one row.
 */
import { SluiceError } from '../../errors.js';
import { decodeImage } from '../image/decode.js';
import { checkTensors } from './check-tensors.js';
import { classifierOf } from './classifier.js';
import type { Task, TaskContext } from './task.js';
import { readFrame } from './tensor.js';

export function imageClassification(context: TaskContext): Task {
  const { inputs, batched } = context;
  const classifier = classifierOf(context);
  return {
    decode: async (input) => {
      if (input.type === 'tensors') return { kind: 'tensors', tensors: readFrame(input) };
      return { kind: 'pixels', pixels: await decodeImage(input.bytes) };
    },
    preprocess: (decoded, rows) => {
      if (decoded.kind === 'tensors') return { tensors: checkTensors(decoded.tensors, { inputs, batched, rows }) };
      if (decoded.kind !== 'pixels') throw new Error('A picture decodes to pixels.');
      if (rows !== 1)
        throw new SluiceError(
          'INPUT_INVALID',
          `A picture is 1 row; ${rows} were announced. Send one picture an input.`,
        );
      return { tensors: [classifier.tensorOf(decoded.pixels)] };
    },
    postprocess: (outputs, input) => {
      const rows = Array.from({ length: input.rows }, (_, row) => classifier.classesOf(outputs, row));
      return { kind: 'json', value: input.type === 'image' ? rows[0] : rows };
    },
    encode: (answer) => {
      if (answer.kind !== 'json') throw new Error('A classifier answers with JSON.');
      return { type: 'json', bytes: Buffer.from(JSON.stringify(answer.value)) };
    },
    trialShapes: () => [classifier.trialShape()],
    checkTrial: (outputs) => classifier.checkTrial(outputs),
  };
}
