/**
 * The element types of tensors: names as onnxruntime writes them, their width in bytes, the code used in a frame,
 * and the typed array that holds them. float16 is carried as its 16 bits in a Uint16Array, bool as bytes of 0 and 1.
 */
export const DTYPES = [
  'float32',
  'float64',
  'float16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
] as const;

export type Dtype = (typeof DTYPES)[number];
export type NumericDtype = Exclude<Dtype, 'string'>;

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

interface NumericArrayConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray;
  new (length: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
}

const ARRAYS: Record<NumericDtype, NumericArrayConstructor> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** What the integers that JSON's numbers hold exactly may be, ends included. */
export const INTEGER_RANGES: Partial<Record<Dtype, [number, number]>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
};

/** float32's largest value plus half its last step: what rounds to infinity starts here. */
export const FLOAT32_LIMIT = 3.4028235677973366e38;

/** Bytes of one element; strings have none of their own (see frame.ts). */
export function bytesPerElement(dtype: NumericDtype): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A fresh zeroed array of `length` elements. */
export function allocate(dtype: NumericDtype, length: number): NumericArray {
  return new ARRAYS[dtype](length);
}

/** Looks at `bytes` as elements of `dtype`, without a copy where the alignment allows it. */
export function viewAs(dtype: NumericDtype, bytes: Uint8Array): NumericArray {
  const ctor = ARRAYS[dtype];
  const length = bytes.byteLength / ctor.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % ctor.BYTES_PER_ELEMENT === 0) return new ctor(bytes.buffer, bytes.byteOffset, length);
  const aligned = new Uint8Array(bytes);
  return new ctor(aligned.buffer, 0, length);
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}
