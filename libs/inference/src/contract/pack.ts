/**
 * A pack: one BullMQ job that carries several predictions for one model version. The job's data is this header;
 * the inputs lie end to end in the binary key `payload:<pack id>`, cut up by `offset` and `length`.
 *
 * Invariants: items are in the order of arrival; every item lies inside the payload; deadlines are in Redis time.
 */
import { z } from 'zod';
import { INPUT_TYPES } from './input-type.js';

/** A larger pack saves nothing more in transport but holds its first caller longer; measured in docs/benchmarks.md. */
export const MAX_PACK_ITEMS = 64;
export const MAX_PACK_BYTES = 8 * 1024 * 1024;

export const packItem = z.object({
  id: z.string().max(64),
  /** The caller's request id, for log lines. */
  request: z.string().max(128),
  rows: z.number().int().positive(),
  /** Milliseconds since the epoch by Redis' clock. */
  deadline: z.number(),
  /** Milliseconds since the epoch by Redis' clock at which the gateway had read the request. */
  accepted: z.number(),
  offset: z.number().int().nonnegative(),
  length: z.number().int().nonnegative(),
  type: z.enum(INPUT_TYPES),
  /** Nobody waits for it: it runs in what others leave, and is lost with its worker. */
  shadow: z.boolean().optional(),
});
export type PackItem = z.infer<typeof packItem>;

export const pack = z.object({
  v: z.literal(1),
  gateway: z.string().max(64),
  items: z.array(packItem).min(1).max(MAX_PACK_ITEMS),
});
export type Pack = z.infer<typeof pack>;
