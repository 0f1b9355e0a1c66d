/**
 * A frame: named tensors in one run of bytes, the form in which tensors cross Redis and the executor's pipe.
 *
 * Layout, little endian: u8 version (1) · u8 tensor count · per tensor: u8 dtype index, u8 rank, u16 name length,
 * u32 dimensions…, u32 byte length of its data, name in UTF-8 · zero padding to 8 · per tensor its data, padded to 8.
 * String tensors hold per element u32 byte length and UTF-8. Data is aligned to 8 from the frame's start, so that a
 * frame at an aligned offset is read without a copy. Invariant: lengths are checked before anything is read.
 */
import { allocate, bytesPerElement, DTYPES, elementCount, viewAs, type Dtype, type NumericArray } from './dtype.js';

export interface Tensor {
  name: string;
  dtype: Dtype;
  /** Sizes of all axes, the batch axis first where the model has one. */
  shape: number[];
  data: NumericArray | string[];
}

const VERSION = 1;
const MAX_TENSORS = 64;
const MAX_RANK = 16;
const align = (n: number): number => (n + 7) & ~7;

export function encodeFrame(tensors: readonly Tensor[]): Buffer {
  const names = tensors.map((t) => Buffer.from(t.name));
  const blobs = tensors.map((t) => (isStrings(t.data) ? encodeStrings(t.data) : bytesOf(t.data)));
  let head = 2;
  let body = 0;
  for (let i = 0; i < tensors.length; i++) {
    head += 8 + 4 * tensors[i]!.shape.length + names[i]!.length;
    body += align(blobs[i]!.byteLength);
  }
  head = align(head);
  const frame = Buffer.alloc(head + body);
  frame[0] = VERSION;
  frame[1] = tensors.length;
  let at = 2;
  let dataAt = head;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i]!;
    frame[at] = DTYPES.indexOf(tensor.dtype);
    frame[at + 1] = tensor.shape.length;
    frame.writeUInt16LE(names[i]!.length, at + 2);
    at += 4;
    for (const size of tensor.shape) at = frame.writeUInt32LE(size, at);
    at = frame.writeUInt32LE(blobs[i]!.byteLength, at);
    frame.set(names[i]!, at);
    at += names[i]!.length;
    frame.set(blobs[i]!, dataAt);
    dataAt += align(blobs[i]!.byteLength);
  }
  return frame;
}

/** @throws RangeError when the bytes are not a frame. */
export function decodeFrame(bytes: Uint8Array): Tensor[] {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (frame.length < 2 || frame[0] !== VERSION || frame[1]! > MAX_TENSORS) throw new RangeError('not a tensor frame');
  const heads: { name: string; dtype: Dtype; shape: number[]; length: number }[] = [];
  let at = 2;
  for (let i = 0; i < frame[1]!; i++) {
    const dtype = DTYPES[frame.readUInt8(at)];
    const rank = frame.readUInt8(at + 1);
    const nameLength = frame.readUInt16LE(at + 2);
    if (!dtype || rank > MAX_RANK) throw new RangeError('not a tensor frame');
    at += 4;
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++, at += 4) shape.push(frame.readUInt32LE(at));
    const length = frame.readUInt32LE(at);
    at += 4;
    if (at + nameLength > frame.length) throw new RangeError('tensor frame is cut short');
    heads.push({ name: frame.toString('utf8', at, at + nameLength), dtype, shape, length });
    at += nameLength;
  }
  let dataAt = align(at);
  return heads.map(({ length, ...head }) => {
    if (dataAt + length > frame.length) throw new RangeError('tensor frame is cut short');
    const blob = frame.subarray(dataAt, dataAt + length);
    dataAt += align(length);
    const count = elementCount(head.shape);
    if (head.dtype === 'string') return { ...head, data: decodeStrings(blob, count) };
    if (length !== count * bytesPerElement(head.dtype)) throw new RangeError('tensor frame: shape and bytes differ');
    return { ...head, data: viewAs(head.dtype, blob) };
  });
}

/** Rows `from`…`to` (exclusive) along the first axis, as a view where the data is numeric. */
export function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const stride = elementCount(tensor.shape.slice(1));
  const shape = [to - from, ...tensor.shape.slice(1)];
  const data = isStrings(tensor.data)
    ? tensor.data.slice(from * stride, to * stride)
    : tensor.data.subarray(from * stride, to * stride);
  return { ...tensor, shape, data };
}

/** Joins tensors of one name, dtype and inner shape along the first axis into fresh memory. */
export function concatRows(parts: readonly Tensor[]): Tensor {
  const first = parts[0]!;
  let rows = 0;
  for (const part of parts) rows += part.shape[0]!;
  const shape = [rows, ...first.shape.slice(1)];
  if (first.dtype === 'string') return { ...first, shape, data: parts.flatMap((p) => p.data as string[]) };
  const data = allocate(first.dtype, elementCount(shape));
  const target = new Uint8Array(data.buffer);
  let at = 0;
  for (const part of parts) {
    const bytes = bytesOf(part.data as NumericArray);
    target.set(bytes, at);
    at += bytes.byteLength;
  }
  return { ...first, shape, data };
}

/** What must be equal for two frames to share a batch: names, dtypes and shapes apart from the batch axis. */
export function signatureOf(tensors: readonly Tensor[], batched: boolean): string {
  return tensors.map((t) => `${t.name}:${t.dtype}:${(batched ? t.shape.slice(1) : t.shape).join('x')}`).join('|');
}

function isStrings(data: NumericArray | string[]): data is string[] {
  return Array.isArray(data);
}

function bytesOf(data: NumericArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function encodeStrings(values: readonly string[]): Uint8Array {
  const parts: Buffer[] = [];
  for (const value of values) {
    const text = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    parts.push(length, text);
  }
  return Buffer.concat(parts);
}

function decodeStrings(blob: Buffer, count: number): string[] {
  const values: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = blob.readUInt32LE(at);
    at += 4;
    if (at + length > blob.length) throw new RangeError('tensor frame is cut short');
    values.push(blob.toString('utf8', at, at + length));
    at += length;
  }
  return values;
}
