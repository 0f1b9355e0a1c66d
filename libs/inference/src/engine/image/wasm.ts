/**
 * The few WebAssembly instructions that the resampling kernel is written in, each as the bytes it is encoded to, and
 * the frame of a module around them. Opcodes: WebAssembly core specification 2.0, binary format (5.4 and 5.5).
 *
 * Invariant: a `Code` leaves the stack as its name says; nothing here knows what it is used for.
 */
export type Code = readonly number[];

export const I32 = 0x7f;
export const V128 = 0x7b;

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const add: Code = [0x6a];
export const halve: Code = [...constant(1), 0x75];
export const load32: Code = [0x28, 2, 0];
export const advance = (local: number, by: Code): Code => [...get(local), ...by, ...add, ...set(local)];
/** Takes `by` off a local and leaves the rest on the stack. */
export const countDown = (local: number, by = 1): Code => [...get(local), ...constant(-by), ...add, 0x22, local];
/** Runs `body` until what it leaves on the stack is 0 or less. */
export const loopWhilePositive = (body: Code): Code => [0x03, 0x40, ...body, ...constant(0), 0x4a, 0x0d, 0, 0x0b];
export const end: Code = [0x0b];

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
const memory = (opcode: number, offset = 0): Code => [...simd(opcode), 0, ...unsigned(offset)];
export const loadVector = memory(0x00);
export const loadSplat32 = (offset: number): Code => memory(0x09, offset);
export const loadLow64 = memory(0x5d);
export const storeVector = memory(0x0b);
export const storeFirst32: Code = [...memory(0x5a), 0];
export const swizzle = simd(0x0e);
export const splat = simd(0x11);
/** Bytes 0-7, or 8-15, as unsigned 16-bit numbers. */
export const widenLow = simd(0x89);
export const widenHigh = simd(0x8a);
/** Products of 16-bit numbers, each two neighbours added to one of 32 bits. */
export const dot = simd(0xba);
export const addVectors = simd(0xae);
export const shiftLeft = simd(0xab);
export const shiftRight = simd(0xac);
export const narrowTo16 = simd(0x85);
export const narrowTo8 = simd(0x66);
/** The lower (0) or upper (1) eight bytes of two vectors in turn. */
export const interleave = (half: 0 | 1): Code => [
  ...simd(0x0d),
  ...Array.from({ length: 16 }, (_, i) => half * 8 + (i >> 1) + (i % 2) * 16),
];

/** Numbers a function's parameters and locals, in order. */
export function locals<Name extends string>(...names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, index])) as Record<Name, number>;
}

export interface FunctionCode {
  name: string;
  /** Parameters, all i32; then locals, all i32 before all v128. */
  parameters: number;
  integers: number;
  vectors: number;
  body: Code;
}

/** A module that imports the memory `m.m` and exports its functions by name. */
export function moduleOf(functions: readonly FunctionCode[]): Uint8Array {
  const types = functions.map((f) => [0x60, ...list(Array<Code>(f.parameters).fill([I32])), 0]);
  const bodies = functions.map((f) => {
    const code = [2, f.integers, I32, f.vectors, V128, ...f.body, ...end];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(2, list([[...text('m'), ...text('m'), 2, 0, 1]])),
    ...section(3, list(functions.map((_, index) => [index]))),
    ...section(7, list(functions.map((f, index) => [...text(f.name), 0, index]))),
    ...section(10, list(bodies)),
  ]);
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, body: Code): Code {
  return [id, ...unsigned(body.length), ...body];
}

function text(value: string): Code {
  return list([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
