/**
 * The verification of a package on this machine: the same that a worker does for a registration, by the same code, in a
 * process that is confined in the same way.
 *
 * Invariant: a package that is refused before it can be verified yields a report as well.
 */
import { loadWorkerConfig } from '../../../../libs/inference/src/config.js';
import {
  CHECKS,
  type Check,
  type CheckResult,
  type VerificationReport,
} from '../../../../libs/inference/src/contract/verification.js';
import { SluiceError } from '../../../../libs/inference/src/errors.js';
import { verifyFolder } from '../../../../libs/inference/src/verification/verify-package.js';
import { withScratchPackage } from './scratch-store.js';

const VERIFIER = new URL('../../../../libs/inference/src/engine/verify/verifier.js', import.meta.url);

export interface VerifyRun {
  path: string;
  /** Unset: as a worker's, SLUICE_CHECK_TIMEOUT_MS. */
  timeoutMs: number | undefined;
  /** Called as soon as a check is made. */
  progress: (result: CheckResult) => void;
  /** What was assumed about the package. */
  note: (sentence: string) => void;
  signal: AbortSignal;
}

/** @throws Error where there is no such path; what the signal throws */
export async function verify({ path, timeoutMs, progress, note, signal }: VerifyRun): Promise<VerificationReport> {
  const { threads, providers, cpuFallback, ...worker } = loadWorkerConfig();
  const begun = Date.now();
  try {
    return await withScratchPackage(path, { signal }, ({ package: { files, digest, notes }, folder }) => {
      notes.forEach(note);
      return verifyFolder(folder, {
        entry: VERIFIER,
        settings: { threads, providers, cpuFallback },
        files,
        digest,
        timeoutMs: timeoutMs ?? worker.checkTimeoutMs,
        memoryBytes: worker.checkMemoryBytes,
        progress,
        signal,
      });
    });
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return refused(error, begun, progress);
  }
}

function refused(error: SluiceError, begun: number, progress: (result: CheckResult) => void): VerificationReport {
  const ms = Date.now() - begun;
  const check: Check = error.message.startsWith('model.json') ? 'manifest' : 'files';
  const failed: CheckResult = { check, status: 'failed', message: error.message, ms };
  progress(failed);
  const checks = CHECKS.map((each): CheckResult =>
    each === check ? failed : { check: each, status: 'skipped', ms: 0 },
  );
  return { v: 1, outcome: 'failed', started: begun, ms, checks };
}
