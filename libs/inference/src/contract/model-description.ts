/**
 * What a worker tells the fleet about a model version it serves, under `model:<name>:<version>`.
 * The gateway checks inputs and lays out answers from this alone; it never sees the package.
 */
import { z } from 'zod';
import { DTYPES } from '../tensor/dtype.js';

/** Names are parts of Redis keys, queue names, URLs and folders, hence the narrow alphabet. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
export const MODEL_VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
export const TASKS = [
  'tensor',
  'image-classification',
  'object-detection',
  'image-segmentation',
  'text-classification',
  'embedding',
] as const;
export type TaskName = (typeof TASKS)[number];

export const tensorSpec = z.object({
  name: z.string(),
  dtype: z.enum(DTYPES),
  /** Sizes of the axes as the file states them; null where any size will do. The batch axis, if any, is first. */
  shape: z.array(z.number().int().nonnegative().nullable()),
});
export type TensorSpec = z.infer<typeof tensorSpec>;

/** What a model takes of a text: what is longer than `maxLength` is cut, what has more bytes is refused. */
export const textLimits = z.object({
  /** Tokens of one row, special ones included. */
  maxLength: z.number().int().positive(),
  /** Bytes of one text in UTF-8. */
  maxBytes: z.number().int().positive(),
  /** Whether two texts may be given as one row. */
  pairs: z.boolean(),
});
export type TextLimits = z.infer<typeof textLimits>;

export const modelDescription = z.object({
  v: z.literal(1),
  name: z.string().regex(MODEL_NAME),
  version: z.string().regex(MODEL_VERSION),
  task: z.enum(TASKS),
  inputs: z.array(tensorSpec).min(1),
  outputs: z.array(tensorSpec).min(1),
  /** True when axis 0 of every input and output counts rows; a model without it takes whole tensors only. */
  batched: z.boolean(),
  /** Most rows in one run; 1 where the file fixes the batch axis at 1. */
  maxBatchSize: z.number().int().positive(),
  /** Milliseconds that a free slot may hold on for more rows (0: never). */
  maxDelayMs: z.number().nonnegative(),
  /** Milliseconds after which a run counts as hung; absent: learned from its own latency. */
  runTimeoutMs: z.number().positive().optional(),
  /** Of models that take texts. */
  text: textLimits.optional(),
  /** sha256 over the package's files, in hex: tells two packages of one name and version apart. */
  checksum: z.string(),
});
export type ModelDescription = z.infer<typeof modelDescription>;

/** The one spelling of a model version wherever a single string must name it. */
/** What tells a package from another under the same name: enough of its digest, for millions of records carry it. */
export function packageMark(checksum: string): string {
  return checksum.slice(0, 16);
}

export function modelKey(name: string, version: string): string {
  return `${name}:${version}`;
}
