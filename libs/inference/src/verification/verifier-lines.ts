/**
 * What passes between whoever wants a package verified and the child that does it (engine/verify/verifier.ts): one order
 * as a line of JSON on the child's stdin, which stays open for as long as the child may live, and lines of JSON back on
 * descriptor 3. A pipe and not Node's channel, so that what comes back can be bounded before it is read.
 *
 * Invariant: the child runs what strangers made, so nothing that it says is believed beyond the schema below.
 */
import { z } from 'zod';
import type { ExecutorSettings } from '../contract/executor-messages.js';
import { modelDescription } from '../contract/model-description.js';
import type { PackageFile } from '../contract/registration.js';
import { verifiedFacts } from '../contract/registration.js';
import { checkResult, CHECKS, verificationReport } from '../contract/verification.js';

export interface VerifyOrder {
  /** The package's folder `<name>/<version>/`. */
  directory: string;
  /** The files that it must have, and no other; without them those that model.json states are compared. */
  files?: readonly PackageFile[];
  /** The digest of all files that it must have. */
  digest?: string;
  settings: ExecutorSettings;
  /** Bytes that the process may take. */
  memoryBytes: number;
  /** Milliseconds that comparing rows and that measuring times may take. */
  rowsMs: number;
  latencyMs: number;
}

/** The descriptor on which the child answers. */
export const ANSWERS_FD = 3;

const MAX_TEXT = 2_000;
const text = z.string().transform((whole) => (whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole));

export const findings = verificationReport
  .pick({ model: true, latency: true })
  .extend({ description: modelDescription.optional() })
  .extend(verifiedFacts.partial().shape);
/** What was learned on the way; a later value replaces an earlier one. */
export type Findings = z.infer<typeof findings>;

export const verifierLine = z.discriminatedUnion('kind', [
  /** What it does next, in words that fit behind "during": the last one says what a death came from. */
  z.object({ kind: z.literal('at'), check: z.enum(CHECKS), step: text }),
  z.object({ kind: z.literal('checked'), result: checkResult.extend({ message: text.optional() }) }),
  z.object({ kind: z.literal('found'), findings }),
  /** All is said. */
  z.object({ kind: z.literal('end') }),
]);
export type VerifierLine = z.infer<typeof verifierLine>;
