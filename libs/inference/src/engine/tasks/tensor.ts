/** The task "tensor": arrays in, arrays out, as the model's file describes them. */
import { SluiceError } from '../../errors.js';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { decodeFrame, encodeFrame, type Tensor } from '../../tensor/frame.js';
import { checkTensors } from './check-tensors.js';
import type { Answer, Decoded, Task, TaskContext } from './task.js';

export function tensorTask({ inputs, batched }: Pick<TaskContext, 'inputs' | 'batched'>): Task {
  return {
    decode: (input) => Promise.resolve({ kind: 'tensors', tensors: readFrame(input) }),
    preprocess: (decoded, rows) => ({ tensors: checkTensors(tensorsOf(decoded), { inputs, batched, rows }) }),
    postprocess: (outputs) => ({ kind: 'tensors', tensors: outputs }),
    encode: (answer: Answer) => {
      if (answer.kind !== 'tensors') throw new Error('A tensor model answers with tensors.');
      return { type: 'tensors', bytes: encodeFrame(answer.tensors) };
    },
    trialShapes: () => {
      const shapes = inputs.map(({ shape }) => shape.map((size, axis) => (batched && axis === 0 ? 1 : size)));
      return shapes.every((shape) => shape.every((size) => size !== null)) ? shapes : undefined;
    },
    checkTrial: () => undefined,
  };
}

/** @throws SluiceError when the bytes are no frame. */
export function readFrame(input: ExecutorInput): Tensor[] {
  try {
    return decodeFrame(input.bytes);
  } catch {
    throw new SluiceError(
      'INPUT_INVALID',
      `The ${input.bytes.byteLength} bytes are not a tensor frame. Send the input again.`,
    );
  }
}

function tensorsOf(decoded: Decoded): Tensor[] {
  if (decoded.kind !== 'tensors') throw new Error('A tensor model decodes to tensors.');
  return decoded.tensors;
}
