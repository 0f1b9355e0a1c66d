/** An input or output of a model as its file describes it: the ValueInfoProto of onnx.proto, read into words. */
import type { Values } from './walk.js';

export interface OnnxValue {
  name: string;
  kind: 'tensor' | 'sparse tensor' | 'sequence' | 'map' | 'optional' | 'unknown';
  /** Of a tensor: onnxruntime's name of the element type ("float32"); "type 99" where it is not known here. */
  dtype?: string;
  /** Of a tensor: sizes, the names of free axes, null for a free axis without a name; absent where the rank is free. */
  shape?: (number | string | null)[];
}

/** TensorProto.DataType by number. */
const ELEMENT_TYPES = [
  'undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64 complex128',
  'bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0 uint2 int2',
]
  .join(' ')
  .split(' ');

const OTHER_KINDS = { 4: 'sequence', 5: 'map', 8: 'sparse tensor', 9: 'optional' } as const;

export function valueOf(info: Values): OnnxValue {
  const name = info.text(1) ?? '';
  const type = info.message(2);
  const tensor = type?.message(1);
  if (!tensor) {
    const other = Object.entries(OTHER_KINDS).find(([field]) => type?.message(Number(field)));
    return { name, kind: other?.[1] ?? 'unknown' };
  }
  const element = tensor.number(1) ?? 0;
  const shape = tensor.message(2);
  return {
    name,
    kind: 'tensor',
    dtype: elementTypeOf(element),
    ...(shape && { shape: shape.messages(1).map(axisOf) }),
  };
}

/** onnxruntime's name of an element type. */
export function elementTypeOf(number: number): string {
  return ELEMENT_TYPES[number] ?? `type ${number}`;
}

/** A size below 0 says the same as none: older exporters wrote -1. */
function axisOf(axis: Values): number | string | null {
  const size = axis.number(1);
  if (size !== undefined) return size < 2 ** 63 ? size : null;
  const name = axis.text(2);
  return name === undefined || name === '' ? null : name;
}
