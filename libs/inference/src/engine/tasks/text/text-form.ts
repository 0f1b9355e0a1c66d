/**
 * Which of a model's inputs takes what of a row of tokens, and how rows of different lengths become one tensor.
 *
 * Invariant: padding stands behind a row's own tokens and under zeros of the mask, so that it changes no answer of a
 * model that heeds its mask.
 */
import type { TensorSpec } from '../../../contract/model-description.js';
import type { TextSpec } from '../../../packages/manifest.js';
import { allocate, elementCount, type Dtype, type NumericArray, type NumericDtype } from '../../../tensor/dtype.js';
import type { Tensor } from '../../../tensor/frame.js';
import type { TokenRow } from '../../text/encoder.js';
import { shown } from '../check-tensors.js';
import type { TaskContext } from '../task.js';

type Role = 'ids' | 'mask' | 'types';

const ROLES: Record<Role, readonly string[]> = {
  ids: ['input_ids', 'ids', 'tokens'],
  mask: ['attention_mask', 'mask'],
  types: ['token_type_ids', 'type_ids', 'segment_ids'],
};
const INTEGERS: readonly Dtype[] = ['int64', 'int32'];
const MASKS: readonly Dtype[] = ['int64', 'int32', 'float32', 'bool'];

export interface TextForm {
  /** Where the file fixes the length of rows: all are padded to it. */
  length: number | null;
  /** The name of the model's mask. */
  mask: string | undefined;
  /** [1, tokens] for each input of the model, in its order. */
  tensorsOf(row: TokenRow): Tensor[];
  /** Rows end to end, each padded to the longest of them. `parts` holds the tensors of each input of the batch. */
  join(parts: readonly (readonly Tensor[])[], pad: { id: number; type: number }): Tensor[];
}

/** @throws Error that says what in the package does not fit the model. */
export function textFormOf({ manifest, inputs, batched }: TaskContext): TextForm {
  const roles = inputs.map((spec) => roleOf(spec, manifest.text!, inputs));
  for (const role of ['ids', 'mask', 'types'] as const) {
    const named = inputs.filter((_, i) => roles[i] === role).map(({ name }) => name);
    if (named.length > 1 || (role === 'ids' && named.length === 0)) {
      throw new Error(
        `The model has ${named.length} inputs that take ${role} (${named.join(', ') || 'none'}); expected one.` +
          ` Name it in model.json: text.inputs.${role}.`,
      );
    }
  }
  let length: number | null = null;
  for (const [i, spec] of inputs.entries()) {
    check(spec, roles[i]!, batched);
    length ??= spec.shape[1]!;
  }
  return {
    length,
    mask: inputs.find((_, i) => roles[i] === 'mask')?.name,
    tensorsOf: ({ ids, types }) =>
      inputs.map(({ name, dtype }, i) => {
        const values = roles[i] === 'mask' ? ids.map(() => 1) : roles[i] === 'ids' ? ids : types;
        return { name, dtype, shape: [1, ids.length], data: filled(dtype, values) };
      }),
    join: (parts, pad) => {
      const longest = length ?? parts.reduce((most, [first]) => Math.max(most, first!.shape[1]!), 1);
      return inputs.map(({ name, dtype }, i) => {
        const padding = { ids: pad.id, types: pad.type, mask: 0 }[roles[i]!];
        return joined(
          parts.map((tensors) => tensors[i]!),
          { name, dtype, longest, padding },
        );
      });
    },
  };
}

function roleOf({ name }: TensorSpec, { inputs: given }: TextSpec, all: readonly TensorSpec[]): Role {
  const role = given
    ? (['ids', 'mask', 'types'] as const).find((key) => given[key] === name)
    : all.length === 1
      ? 'ids'
      : (['ids', 'mask', 'types'] as const).find((key) => ROLES[key].includes(name));
  if (role) return role;
  throw new Error(
    `The model's input "${name}" is none that a text gives: ids, mask (1 for each token) and types (of two texts).` +
      ' Name the inputs in model.json: text.inputs {"ids", "mask", "types"}; or use "task": "tensor".',
  );
}

function check({ name, dtype, shape }: TensorSpec, role: Role, batched: boolean): void {
  if (!batched || shape.length !== 2) {
    throw new Error(
      `A model of texts takes [N, tokens] with N free or 1; "${name}" is ${shown(shape)}.` +
        ' Export the model with a batch axis, or use "task": "tensor".',
    );
  }
  const expected = role === 'mask' ? MASKS : INTEGERS;
  if (!expected.includes(dtype)) {
    throw new Error(`"${name}" holds ${dtype}; expected one of ${expected.join(', ')}. Add a Cast to the model.`);
  }
}

interface Whole {
  name: string;
  dtype: Dtype;
  longest: number;
  padding: number;
}

function joined(parts: readonly Tensor[], { name, dtype, longest, padding }: Whole): Tensor {
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const shape = [rows, longest];
  const data = allocate(dtype as NumericDtype, elementCount(shape));
  if (data instanceof BigInt64Array) data.fill(BigInt(padding));
  else (data as Int32Array).fill(padding);
  let at = 0;
  for (const part of parts) {
    const [count, length] = part.shape as [number, number];
    for (let row = 0; row < count; row++, at += longest) {
      const own = (part.data as Int32Array).subarray(row * length, (row + 1) * length);
      (data as Int32Array).set(own, at);
    }
  }
  return { name, dtype, shape, data };
}

function filled(dtype: Dtype, values: readonly number[]): NumericArray {
  const data = allocate(dtype as NumericDtype, values.length);
  if (data instanceof BigInt64Array) for (const [i, value] of values.entries()) data[i] = BigInt(value);
  else (data as Int32Array).set(values);
  return data;
}
