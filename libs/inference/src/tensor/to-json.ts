/**
 * Tensors to JSON text. 64-bit integers keep every digit; what JSON has no number for (NaN and the infinities) goes
 * as the strings "NaN", "Infinity" and "-Infinity", as in protobuf's JSON mapping.
 */
import { elementCount } from './dtype.js';
import { fromFloat16Bits } from './float16.js';
import type { Tensor } from './frame.js';

/** The whole tensor as nested arrays (a bare value for a scalar). */
export function tensorToJson(tensor: Tensor): string {
  return nested(tensor, tensor.shape, 0);
}

/** Each row along the first axis as JSON text of its own. */
export function rowsToJson(tensor: Tensor): string[] {
  const inner = tensor.shape.slice(1);
  const stride = elementCount(inner);
  return Array.from({ length: tensor.shape[0]! }, (_, row) => nested(tensor, inner, row * stride));
}

function nested(tensor: Tensor, shape: readonly number[], offset: number): string {
  const write = writer(tensor);
  const walk = (axis: number, from: number): string => {
    if (axis === shape.length) return write(from);
    const stride = elementCount(shape.slice(axis + 1));
    let text = '[';
    for (let i = 0; i < shape[axis]!; i++) {
      if (i > 0) text += ',';
      text += walk(axis + 1, from + i * stride);
    }
    return text + ']';
  };
  return walk(0, offset);
}

function writer({ dtype, data }: Tensor): (index: number) => string {
  switch (dtype) {
    case 'string':
      return (i) => JSON.stringify(data[i]);
    case 'bool':
      return (i) => (data[i] ? 'true' : 'false');
    case 'float16':
      return (i) => number(fromFloat16Bits(data[i] as number));
    case 'float32':
    case 'float64':
      return (i) => number(data[i] as number);
    default:
      return (i) => String(data[i]);
  }
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}
