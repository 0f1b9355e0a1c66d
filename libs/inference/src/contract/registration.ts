/**
 * A registered model version, under `registration:<name>:<version>`: which package it is, how far it has come, and what
 * is wanted of it. What workers make of it is in their heartbeats.
 *
 * Invariants: name, version and digest never change; `available` is reached through a verification that passed; the
 * hash is written by the scripts in registry/ alone, and this schema is how everybody reads it.
 */
import { z } from 'zod';
import { MODEL_NAME, MODEL_VERSION, modelDescription } from './model-description.js';

/** `registered` until a worker takes its verification, `verifying` meanwhile; `failed` says why in `reason`. */
export const REGISTRATION_STATES = ['registered', 'verifying', 'available', 'failed'] as const;
export type RegistrationState = (typeof REGISTRATION_STATES)[number];

/** Whether workers are to hold it. An unloaded version takes no new predictions; those accepted are still answered. */
export const DESIRES = ['loaded', 'unloaded'] as const;
export type Desire = (typeof DESIRES)[number];

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A file of a package: in its folder, or in `samples/`. */
export const packageFile = z.object({
  name: z.string().max(512),
  sha256,
  size: z.number().int().nonnegative(),
});
export type PackageFile = z.infer<typeof packageFile>;

/** What never changes. */
export const registrationHead = z.object({
  v: z.literal(1),
  name: z.string().regex(MODEL_NAME),
  version: z.string().regex(MODEL_VERSION),
  /** sha256 over names and contents of all its files, in hex: its place in the store. */
  digest: sha256,
  /** Bytes of all files together. */
  bytes: z.number().int().nonnegative(),
  /** Where it came from, without credentials: `upload`, `path` or a URL without its query. */
  source: z.string(),
  /** Owner of the key that registered it. */
  by: z.string(),
  /** Milliseconds by Redis' clock. */
  created: z.number().int(),
});
export type RegistrationHead = z.infer<typeof registrationHead>;

/** Set by an operator over what the package says. */
export const versionLimits = z.object({
  maxBatchSize: z.number().int().min(1).max(4_096).optional(),
  maxDelayMs: z.number().min(0).max(60_000).optional(),
});
export type VersionLimits = z.infer<typeof versionLimits>;

/** What its verification found that serving depends on. */
export const verifiedFacts = z.object({
  /** Rows of one run influence each other, or nobody can tell: it is served at batch 1. */
  rowsMix: z.boolean(),
  /** Most rows of one run, where larger ones fail. */
  maxBatchSize: z.number().int().positive().optional(),
  /** Bytes that a loaded copy takes, as measured. */
  memoryBytes: z.number().int().nonnegative(),
});
export type VerifiedFacts = z.infer<typeof verifiedFacts>;

/** The hash without its large fields `files`, `manifest` and `report`, which are read on their own. */
export const registration = z.object({
  head: json(registrationHead),
  state: z.enum(REGISTRATION_STATES),
  reason: z.string().optional(),
  /** Which verification is the current one; the outcome of an earlier one changes nothing. */
  check: z.coerce.number().int().nonnegative(),
  desired: z.enum(DESIRES),
  limits: json(versionLimits),
  facts: json(verifiedFacts).optional(),
  description: json(modelDescription).optional(),
  /** Milliseconds by Redis' clock of the last change of state. */
  updated: z.coerce.number(),
});
export type Registration = z.infer<typeof registration>;

export const packageFiles = z.array(packageFile);
