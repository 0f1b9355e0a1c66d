/**
 * Compares tensors that came with what the model takes. onnxruntime ignores unknown names and lets NaN through;
 * here both fail, and each refusal says what came and what was expected.
 */
import { SluiceError } from '../../errors.js';
import type { TensorSpec } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';

export interface Expected {
  inputs: readonly TensorSpec[];
  batched: boolean;
  /** Rows that the sender counted. */
  rows: number;
}

/** The tensors in the model's order. @throws SluiceError INPUT_INVALID */
export function checkTensors(tensors: readonly Tensor[], { inputs, batched, rows }: Expected): Tensor[] {
  const known = inputs.map((spec) => `"${spec.name}"`).join(', ');
  for (const { name } of tensors) {
    if (!inputs.some((spec) => spec.name === name))
      throw invalid(`There is no input "${name}"; the model takes ${known}.`);
  }
  return inputs.map((spec) => {
    const matching = tensors.filter((tensor) => tensor.name === spec.name);
    const [tensor] = matching;
    if (!tensor || matching.length > 1) {
      throw invalid(`The input "${spec.name}" came ${matching.length} times; the model takes ${known}, each once.`);
    }
    if (tensor.dtype !== spec.dtype) throw invalid(`"${spec.name}" came as ${tensor.dtype}; expected ${spec.dtype}.`);
    if (!fits(tensor.shape, spec.shape)) {
      throw invalid(`"${spec.name}" came with shape ${shown(tensor.shape)}; expected ${shown(spec.shape)}.`);
    }
    if (batched && tensor.shape[0] !== rows) {
      throw invalid(`"${spec.name}" came with ${tensor.shape[0]} rows; expected ${rows}, as announced.`);
    }
    if (Array.isArray(tensor.data)) return tensor;
    const at = firstNotFinite(tensor);
    if (at >= 0) {
      throw invalid(
        `"${spec.name}" holds NaN or an infinity at position ${at} of ${tensor.data.length}; send finite numbers.`,
      );
    }
    return tensor;
  });
}

function fits(came: readonly number[], expected: TensorSpec['shape']): boolean {
  return came.length === expected.length && expected.every((size, axis) => size === null || size === came[axis]);
}

/** `[?,3,224,224]`, where ? is any size. */
export function shown(shape: TensorSpec['shape']): string {
  return `[${shape.map((size) => size ?? '?').join(',')}]`;
}

function firstNotFinite({ dtype, data }: Tensor): number {
  if (dtype === 'float16') return (data as Uint16Array).findIndex((bits) => (bits & 0x7c00) === 0x7c00);
  if (dtype !== 'float32' && dtype !== 'float64') return -1;
  const values = data as Float32Array | Float64Array;
  // Anything not finite times 0 is NaN, and stays so in the sum: one branch for the whole tensor.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

function invalid(message: string): SluiceError {
  return new SluiceError('INPUT_INVALID', message);
}
