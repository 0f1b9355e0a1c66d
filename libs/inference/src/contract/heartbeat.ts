/**
 * A worker's heartbeat, field `beat` of the hash `worker:<id>`: what it serves and how fast. It expires with its
 * worker, so a reader may take every heartbeat it finds for the truth of the last few seconds.
 */
import { z } from 'zod';

export const HEARTBEAT_INTERVAL_MS = 1_000;
/** Three beats may be late before a worker counts as gone. */
export const HEARTBEAT_TTL_MS = 4_000;

/**
 * `loadable`: known, not held, and loaded when it is wanted; `starting` until the executors hold it, `ready`, `failed`
 * for good (see `reason`), `draining` on the way out.
 */
export const VERSION_STATES = ['loadable', 'starting', 'ready', 'failed', 'draining'] as const;

export const servedVersion = z.object({
  name: z.string(),
  version: z.string(),
  state: z.enum(VERSION_STATES),
  reason: z.string().optional(),
  /** Milliseconds per row and per run, once learned. */
  alpha: z.number().optional(),
  beta: z.number().optional(),
  /** Bytes that it takes on this worker, all executors together, once known. */
  bytes: z.number().nonnegative().optional(),
  /** Rows that wait in the worker's batcher. */
  depth: z.number().int().nonnegative(),
});
export type ServedVersion = z.infer<typeof servedVersion>;

export const heartbeat = z.object({
  v: z.literal(1),
  worker: z.string(),
  build: z.string(),
  device: z.string(),
  /** Executors that are up: how many batches can run at the same time. */
  slots: z.number().int().nonnegative(),
  versions: z.array(servedVersion),
  /** Bytes of the models that it holds, and what it may hold; absent without a budget. */
  memory: z.object({ used: z.number().nonnegative(), budget: z.number().positive() }).optional(),
});
export type Heartbeat = z.infer<typeof heartbeat>;
