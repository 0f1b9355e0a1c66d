/**
 * The verification of a package: the job that asks a worker for it, and the report that it yields.
 *
 * Invariant: a report says of every check whether it passed, and of one that did not which file or field it is, what
 * was found and what to do; it holds no path.
 */
import { z } from 'zod';
import { tensorSpec } from './model-description.js';

/** The job on the queue `model-checks`. */
export const checkJob = z.object({
  v: z.literal(1),
  name: z.string(),
  version: z.string(),
  digest: z.string(),
  /** The registration's `check` when it was asked for. */
  check: z.number().int(),
});
export type CheckJob = z.infer<typeof checkJob>;

/** In the order in which they are made; what comes after one that failed is skipped. */
export const CHECKS = [
  /** Names, sizes and sha256 of every file. */
  'files',
  /** model.json. */
  'manifest',
  /** The model file as such: opset, external data, operators. */
  'model',
  /** Opened by onnxruntime with the worker's providers. */
  'load',
  /** A first run. */
  'warm-up',
  /** Rows alone and rows together give the same. */
  'batch-invariance',
  /** The package's own golden samples. */
  'samples',
  /** Time by batch size. */
  'latency',
  /** Bytes that it takes. */
  'memory',
] as const;
export type Check = (typeof CHECKS)[number];

export const checkResult = z.object({
  check: z.enum(CHECKS),
  /** `warned`: it is served, with what the message says. */
  status: z.enum(['passed', 'warned', 'failed', 'skipped']),
  message: z.string().optional(),
  ms: z.number().nonnegative(),
});
export type CheckResult = z.infer<typeof checkResult>;

export const latencyProfile = z.object({
  /** Milliseconds per row and per run: ms ≈ alpha · rows + beta. */
  alpha: z.number(),
  beta: z.number(),
  /** The smallest batch size with at least 95 % of the best rate. */
  bestBatch: z.number().int().positive(),
  points: z.array(z.object({ rows: z.number().int().positive(), ms: z.number() })),
});
export type LatencyProfile = z.infer<typeof latencyProfile>;

export const modelFacts = z.object({
  opsets: z.record(z.string(), z.number().int()),
  producer: z.string().optional(),
  inputs: z.array(tensorSpec),
  outputs: z.array(tensorSpec),
  batched: z.boolean(),
  providers: z.array(z.string()),
});

export const verificationReport = z.object({
  v: z.literal(1),
  outcome: z.enum(['passed', 'failed']),
  /** Milliseconds since 1970 of its begin, and how long it took. */
  started: z.number(),
  ms: z.number().nonnegative(),
  /** Worker that made it; absent for `sluice model verify`. */
  worker: z.string().optional(),
  checks: z.array(checkResult),
  model: modelFacts.optional(),
  /** Rows of one run influence each other. */
  rowsMix: z.boolean().optional(),
  latency: latencyProfile.optional(),
  memoryBytes: z.number().int().nonnegative().optional(),
});
export type VerificationReport = z.infer<typeof verificationReport>;
