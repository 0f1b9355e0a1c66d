/**
 * A reply: one entry in a gateway's reply stream per sealed batch, with a JSON header and one binary field that holds
 * all outputs. An output over MAX_INLINE_RESULT is kept in `result:<id>` (with a TTL) and its slice is empty.
 *
 * Written before the pack's job completes, so a worker's death can double a reply but not lose it; a gateway drops
 * ids that it does not know.
 */
import { z } from 'zod';

/** Larger outputs would hold up every other reply of the stream while they are read. */
export const MAX_INLINE_RESULT = 64 * 1024;
export const RESULT_TTL_SECONDS = 60;
/** A stream outlives its gateway by this much, no longer; the gateway refreshes it while it lives. */
export const REPLY_TTL_SECONDS = 60;

export const RELEASE_REASONS = ['full', 'greedy', 'linger', 'deadline', 'drain'] as const;

const times = { queue_ms: z.number(), batch_wait_ms: z.number(), preprocess_ms: z.number() };

export const replyResult = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('ok'),
    id: z.string(),
    type: z.enum(['tensors', 'json']),
    offset: z.number().int().nonnegative(),
    length: z.number().int().nonnegative(),
    /** True when the bytes are under `result:<id>` instead. */
    apart: z.boolean().optional(),
    ...times,
  }),
  z.object({ status: z.literal('failed'), id: z.string(), code: z.string(), message: z.string() }),
]);
export type ReplyResult = z.infer<typeof replyResult>;

export const replyHeader = z.object({
  v: z.literal(1),
  worker: z.string(),
  batch: z.object({
    size: z.number().int().nonnegative(),
    infer_ms: z.number(),
    release_reason: z.enum(RELEASE_REASONS),
  }),
  results: z.array(replyResult),
});
export type ReplyHeader = z.infer<typeof replyHeader>;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];
