/**
 * Verifies a package: the one thing that a worker does for a registration and `sluice model verify` does without a
 * server. The work is done in a confined child (sandbox.ts), what is made of it here.
 */
import { resolve } from 'node:path';
import type { ExecutorSettings } from '../contract/executor-messages.js';
import type { ModelDescription } from '../contract/model-description.js';
import type { PackageFile, VerifiedFacts } from '../contract/registration.js';
import type { CheckResult, VerificationReport } from '../contract/verification.js';
import { ReportBook } from './report.js';
import { runSandboxed } from './sandbox.js';

export const CHECK_TIMEOUT_MS = 120_000;
export const CHECK_MEMORY_BYTES = 4 * 1024 * 1024 * 1024;
/** Shares of the whole time, and what is enough for any model. */
const MAX_ROWS_MS = 30_000;
const MAX_LATENCY_MS = 3_000;

export interface VerifyOptions {
  /** engine/verify/verifier.js of this build. */
  entry: URL;
  /** As executors have them; one thread on the CPU unless given. */
  settings?: ExecutorSettings;
  /** The files that the package must have, and no other. */
  files?: readonly PackageFile[];
  /** The digest that it must have; it becomes the description's checksum. */
  digest?: string;
  timeoutMs?: number;
  /** Bytes that the child may take. Enforced on Linux with the CPU alone, and looked at ten times a second elsewhere. */
  memoryBytes?: number;
  /** Who verifies, for the report. */
  worker?: string;
  /** Called as soon as a check is made. */
  progress?: (result: CheckResult) => void;
  /** Ends the child. */
  signal?: AbortSignal;
}

export interface Verified {
  report: VerificationReport;
  /** Of one that passed. */
  passed?: { facts: VerifiedFacts; description: ModelDescription };
  /** Of one that failed: the first check that did, and why. */
  reason?: string;
}

/** @throws the signal's reason. */
export async function verifyPackage(directory: string, options: VerifyOptions): Promise<Verified> {
  const {
    entry,
    settings = { threads: 1, providers: ['cpu'] },
    timeoutMs = CHECK_TIMEOUT_MS,
    memoryBytes = CHECK_MEMORY_BYTES,
    files,
    digest,
  } = options;
  const book = new ReportBook({ timeoutMs, memoryBytes }, options.progress);
  const end = await runSandboxed({
    entry,
    order: {
      ...{ directory: resolve(directory), settings, memoryBytes },
      ...(files && { files }),
      ...(digest !== undefined && { digest }),
      rowsMs: Math.min(MAX_ROWS_MS, timeoutMs / 4),
      latencyMs: Math.min(MAX_LATENCY_MS, timeoutMs / 10),
    },
    timeoutMs,
    line: (text) => book.line(text),
    signal: options.signal,
  });
  const report = book.close(end, options.worker);
  const { description, rowsMix = false, maxBatchSize, memoryBytes: taken = 0 } = book.found;
  if (report.outcome === 'passed' && description) {
    const facts = { rowsMix, memoryBytes: taken, ...(maxBatchSize === undefined ? {} : { maxBatchSize }) };
    return { report, passed: { facts, description } };
  }
  const failed = report.checks.find(({ status }) => status === 'failed');
  return { report, reason: failed?.message ?? 'The verification did not come to its end. Register the package again.' };
}

/** The report alone. @throws the signal's reason. */
export async function verifyFolder(directory: string, options: VerifyOptions): Promise<VerificationReport> {
  return (await verifyPackage(directory, options)).report;
}
