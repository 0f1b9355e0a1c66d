/**
 * The verification of one package, inside its child: the checks of contract/verification.ts in their order.
 *
 * Invariants: every check is told of once, with its time; the first that fails is the last that is made.
 */
import { basename, dirname } from 'node:path';
import type { Check } from '../../contract/verification.js';
import type { VerifierLine, VerifyOrder } from '../../verification/verifier-lines.js';
import { readManifest } from '../../packages/package.js';
import type { Runner } from '../model.js';
import { checkFiles } from './files-check.js';
import { checkLatency } from './latency-check.js';
import { checkLoad } from './load-check.js';
import { checkMemory, nativeBytes } from './memory-check.js';
import { checkModel } from './model-check.js';
import { checkRows } from './rows-check.js';
import { checkSamples } from './samples/samples-check.js';
import { PASSED, type Outcome, type Subject } from './subject.js';
import { checkWarmUp } from './warm-up-check.js';
import { WatchedRunner } from './watched-runner.js';

export interface VerificationOptions {
  order: VerifyOrder;
  runner: Runner;
  tell: (line: VerifierLine) => void;
  /** Ends the process, for something in it cannot be ended otherwise. */
  die: () => void;
}

export async function verify({ order, runner, tell, die }: VerificationOptions): Promise<void> {
  let current: Check = 'files';
  let start = 0;
  const fail = (message: string): void =>
    tell({ kind: 'checked', result: { check: current, status: 'failed', message, ms: performance.now() - start } });
  const subject: Subject = {
    order,
    runner: new WatchedRunner(runner, {
      memoryBytes: order.memoryBytes,
      exceeded: (message) => {
        fail(message);
        die();
      },
    }),
    at: (step) => tell({ kind: 'at', check: current, step }),
    found: (findings) => {
      if (findings.description) subject.description = findings.description;
      tell({ kind: 'found', findings });
    },
  };
  const before = nativeBytes();
  const checks: [Check, (subject: Subject) => Promise<Outcome>][] = [
    ['files', checkFiles],
    ['manifest', checkManifest],
    ['model', checkModel],
    ['load', checkLoad],
    ['warm-up', checkWarmUp],
    ['batch-invariance', checkRows],
    ['samples', checkSamples],
    ['latency', checkLatency],
    ['memory', (each) => checkMemory(each, before)],
  ];
  for (const [check, make] of checks) {
    current = check;
    start = performance.now();
    subject.at(`the check "${check}"`);
    try {
      const { status, message } = await make(subject);
      const ms = performance.now() - start;
      tell({ kind: 'checked', result: { check, status, ...(message === undefined ? {} : { message }), ms } });
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
      return;
    }
  }
}

async function checkManifest(subject: Subject): Promise<Outcome> {
  const { directory } = subject.order;
  subject.manifest = await readManifest(directory, basename(dirname(directory)), basename(directory));
  return PASSED;
}
