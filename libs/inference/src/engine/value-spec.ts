/** What a model's file says of an input or output, as onnxruntime-node and onnxruntime-web both report it. */
import type { TensorSpec } from '../contract/model-description.js';
import { DTYPES } from '../tensor/dtype.js';

/** The parts of onnxruntime's ValueMetadata that are used. */
export type ValueMetadata =
  | { name: string; isTensor: false }
  | { name: string; isTensor: true; type: string; shape: readonly (number | string)[] };

/** @throws Error with a message for whoever made the model, where it holds what is not served. */
export function tensorSpecOf(value: ValueMetadata, role: 'input' | 'output'): TensorSpec {
  const what = `The model's ${role} "${value.name}"`;
  if (!value.isTensor) {
    throw new Error(
      `${what} is a sequence, map or optional; only tensors are served. Export the model with tensors only` +
        ` (a classifier of scikit-learn with options={"zipmap": False}).`,
    );
  }
  const dtype = DTYPES.find((name) => name === value.type);
  if (!dtype) {
    throw new Error(`${what} holds ${value.type}; expected one of ${DTYPES.join(', ')}. Add a Cast to the model.`);
  }
  // A symbolic size, named or not, is any size.
  return { name: value.name, dtype, shape: value.shape.map((size) => (typeof size === 'number' ? size : null)) };
}
