/**
 * Puts a report together from what the child said, line by line, and from how it ended.
 *
 * Invariants: a report has every check once, in order; it passed only if the child said so of every one of them and of
 * the model itself; a check that was under way when the child ended is the one that failed.
 */
import { CHECKS, type Check, type CheckResult, type VerificationReport } from '../contract/verification.js';
import type { SandboxEnd } from './sandbox.js';
import { verifierLine, type Findings } from './verifier-lines.js';

export interface Bounds {
  timeoutMs: number;
  memoryBytes: number;
}

export class ReportBook {
  readonly found: Findings = {};
  private readonly results = new Map<Check, CheckResult>();
  private readonly started = Date.now();
  private readonly begun = performance.now();
  private at: { check: Check; step: string; since: number } | undefined;
  private isWhole = false;

  constructor(
    private readonly bounds: Bounds,
    private readonly progress: (result: CheckResult) => void = () => undefined,
  ) {}

  /** Takes a line of the child; false when it is the last, or none that could be meant. */
  line(text: string): boolean {
    const said = verifierLine.safeParse(parsed(text)).data;
    if (said?.kind === 'checked' && !this.results.has(said.result.check)) {
      const { message, ...rest } = said.result;
      return this.settle({ ...rest, ...(message === undefined ? {} : { message }) });
    }
    if (said?.kind === 'found') Object.assign(this.found, said.findings);
    else if (said?.kind === 'at') this.at = { check: said.check, step: said.step, since: performance.now() };
    else {
      this.isWhole = said?.kind === 'end';
      return false;
    }
    return true;
  }

  /** The report, once the child has ended. */
  close(end: SandboxEnd, worker?: string): VerificationReport {
    if (!this.isWhole && !this.failure) {
      const check = this.at?.check ?? CHECKS.find((each) => !this.results.has(each)) ?? CHECKS[0];
      const ms = this.at ? performance.now() - this.at.since : 0;
      this.results.delete(check);
      this.settle({ check, status: 'failed', message: this.sentence(end), ms });
    }
    const { model, rowsMix, latency, memoryBytes, description } = this.found;
    const checks = CHECKS.map((check): CheckResult => this.results.get(check) ?? { check, status: 'skipped', ms: 0 });
    const isPassed =
      this.failure === undefined && description !== undefined && CHECKS.every((check) => this.results.has(check));
    return {
      v: 1,
      outcome: isPassed ? 'passed' : 'failed',
      started: this.started,
      ms: rounded(performance.now() - this.begun),
      ...(worker === undefined ? {} : { worker }),
      checks: checks.map((result) => ({ ...result, ms: rounded(result.ms) })),
      ...(model && { model }),
      ...(rowsMix !== undefined && { rowsMix }),
      ...(latency && { latency }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }

  private get failure(): CheckResult | undefined {
    return [...this.results.values()].find(({ status }) => status === 'failed');
  }

  private settle(result: CheckResult): true {
    this.results.set(result.check, result);
    this.progress(result);
    return true;
  }

  /** What is said of a child that did not come to its end by itself. */
  private sentence(end: SandboxEnd): string {
    const during = this.at ? ` during ${this.at.step}` : ' before it began';
    const { timeoutMs, memoryBytes } = this.bounds;
    const tooLarge = `a verification may take ${mebibytes(memoryBytes)} MiB (SLUICE_CHECK_MEMORY_BYTES)`;
    switch (end.cause) {
      case 'timeout':
        return (
          `The verification was broken off after ${timeoutMs / 1_000} s${during}.` +
          ' Look for an endless loop in the model; if it is only slow, raise SLUICE_CHECK_TIMEOUT_MS.'
        );
      case 'flood':
        return `The verification was broken off${during}: its process wrote without end. Do not trust this package.`;
      case 'unstartable':
        return 'The process for the verification could not be started. Register the package again.';
      case 'done':
        return `The process of the verification answered what it must not${during}. Do not trust this package.`;
      case 'died':
        if (end.memory)
          return `The model needs more memory than there is${during}; ${tooLarge}. Use a smaller model, lower batching.maxBatchSize or raise the limit.`;
        if (end.how === 'SIGKILL') {
          return `The process of the verification was killed from outside${during}, most likely for want of memory. Use a smaller model or a larger machine.`;
        }
        return (
          `The model ended the process that ran it (${end.how})${during}.` +
          ' Export it again, with fewer optimisations or another opset, and report the crash to onnxruntime.'
        );
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}
