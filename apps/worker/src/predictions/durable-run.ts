/**
 * One durable prediction on this worker: its inputs run like all others, and when the last has an outcome the record is
 * moved to what they add up to.
 *
 * Invariants: `settled` resolves after the record has ended, is up for another try in a job of its own, or was found to
 * have ended; what failed for a reason that may pass is tried again as often as the record says; a row of a bulk run
 * fails alone.
 */
import { createHash } from 'node:crypto';
import {
  type Clock,
  isErrorCode,
  mayPass,
  type DeadReason,
  type ErrorCode,
  type Failure,
  type GenerationRef,
  type Ledger,
  type Logger,
  type Outbox,
  type Outcome,
  type OutputItem,
  type PredictionFailure,
  type PredictionRecord,
  type PredictionSuccess,
  type RunMetrics,
  type Transition,
} from '#inference';
import type { BatchFacts, RunOfInput } from './part.js';

/** Frames start at multiples of this inside an output, so that they are read in place. */
const ALIGNMENT = 8;
const FIRST_PAUSE_MS = 1_000;
/** How far what is shown of a run may be behind it. */
const TELL_BEGIN_MS = 50;

export interface DurableRunOptions {
  ref: GenerationRef;
  record: PredictionRecord;
  payload: Buffer;
  worker: string;
  clock: Clock;
  ledger: Ledger;
  outbox: Outbox;
  log: Logger;
}

interface Answered {
  outcome: Outcome | Failure;
  batch: BatchFacts;
}

export class DurableRun {
  readonly settled: Promise<void>;
  private resolve!: () => void;
  private readonly answers: (Answered | undefined)[];
  private left: number;
  private begun = false;
  private telling: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(private readonly options: DurableRunOptions) {
    this.left = options.record.items.length;
    this.answers = new Array<undefined>(this.left);
    this.settled = new Promise((resolve) => (this.resolve = resolve));
  }

  input(index: number): RunOfInput {
    return {
      begin: () => this.begin(),
      take: (outcome, batch) => this.take(index, { outcome, batch }),
    };
  }

  /** Told a little later, for most runs are over by then and their end tells both. */
  private begin(): void {
    this.telling ??= setTimeout(() => this.tellBegin(), TELL_BEGIN_MS);
  }

  /** Not waited for: a record that has ended meanwhile refuses the outcome as it refuses this. */
  private tellBegin(): void {
    if (this.begun) return;
    this.begun = true;
    const { ledger, ref } = this.options;
    ledger.begin(ref).then(
      (transition) => this.dispatch(transition),
      (error: unknown) => {
        // Its end tells it then.
        this.begun = false;
        this.options.log.debug({ reason: String(error) }, 'a begin was not recorded');
      },
    );
  }

  private take(index: number, answered: Answered): void {
    if (this.ended || this.answers[index]) return;
    this.answers[index] = answered;
    this.left--;
    const fails = answered.outcome.status === 'failed';
    const alone = this.options.record.lane === 'bulk';
    if (this.left > 0 && !(fails && !alone)) return;
    this.ended = true;
    this.settle().then(this.resolve, (error: unknown) => {
      // Redis refused it: the record stays live without a job, which is what the reconciler looks for.
      this.options.log.error({ prediction: this.options.ref.id, reason: String(error) }, 'not settled');
      this.resolve();
    });
  }

  private async settle(): Promise<void> {
    const { ledger, ref, record } = this.options;
    clearTimeout(this.telling);
    const failure = this.failure() ?? this.late();
    const begins = this.telling !== undefined && !this.begun;
    if (!failure) {
      this.dispatch(await ledger.succeed(ref, { ...this.success(), begins }));
      return;
    }
    if (begins) this.tellBegin();
    const { code, message } = failure;
    // Dropped as cancelled. A stale word of an earlier generation drops a later one, which gets another job then.
    if (code === 'CALLER_GONE') return this.again(0);
    if (code === 'DEADLINE_EXCEEDED') {
      this.dispatch(await ledger.expire(ref, { code, message }));
      return;
    }
    if (mayPass(code) && record.failures + 1 < record.tries) return this.again(pauseMs(record.failures));
    const reason: DeadReason | undefined =
      code === 'INPUT_POISONOUS' ? 'poison' : mayPass(code) ? 'exhausted' : undefined;
    const dead = reason && { reason, digest: createHash('sha256').update(this.options.payload).digest('hex') };
    this.options.log.warn({ prediction: record.id, request: record.request, code, dead: reason }, 'prediction failed');
    this.dispatch(await ledger.fail(ref, dead ? { code, message, dead } : { code, message }));
  }

  /** Whoever drains the outbox adds its job when it is time. */
  private async again(ms: number): Promise<void> {
    await this.options.ledger.again(this.options.ref, ms);
  }

  /** Why the whole has no answer; undefined when it has one. */
  private failure(): PredictionFailure | undefined {
    const bulk = this.options.record.lane === 'bulk';
    for (const answered of this.answers) {
      if (answered?.outcome.status !== 'failed') continue;
      const { code: text, message } = answered.outcome;
      const code: ErrorCode = isErrorCode(text) ? text : 'INTERNAL';
      const ofAll = code === 'CALLER_GONE' || code === 'DEADLINE_EXCEEDED' || code === 'INTERNAL';
      if (!bulk || ofAll) return { code, message };
    }
    return undefined;
  }

  /** Who set a deadline does not count on what comes after it. */
  private late(): PredictionFailure | undefined {
    const { clock, record } = this.options;
    if (clock.now() <= record.deadline) return undefined;
    return { code: 'DEADLINE_EXCEEDED', message: 'Its answer came after its deadline. Allow more with Cancel-After.' };
  }

  private success(): PredictionSuccess {
    const outputs: OutputItem[] = [];
    const pieces: Uint8Array[] = [];
    let offset = 0;
    let failedRows = 0;
    for (const { outcome } of this.answers as Answered[]) {
      if (outcome.status !== 'ok') {
        failedRows++;
        outputs.push({ code: outcome.code, message: outcome.message });
        continue;
      }
      const padding = -offset & (ALIGNMENT - 1);
      if (padding > 0) pieces.push(new Uint8Array(padding));
      offset += padding;
      outputs.push({ type: outcome.type, offset, length: outcome.bytes.byteLength });
      pieces.push(outcome.bytes);
      offset += outcome.bytes.byteLength;
    }
    return { outputs, bytes: Buffer.concat(pieces), metrics: this.metrics(), failedRows };
  }

  /** Of several inputs the slowest counts, for the answer waited for it. */
  private metrics(): RunMetrics {
    let slowest: RunMetrics | undefined;
    for (const { outcome, batch } of this.answers as Answered[]) {
      if (outcome.status !== 'ok') continue;
      const { queue_ms, batch_wait_ms, preprocess_ms } = outcome;
      if (slowest && slowest.batch_wait_ms >= batch_wait_ms) continue;
      const { infer_ms, release_reason, size: batch_size } = batch;
      const { worker } = this.options;
      slowest = { queue_ms, batch_wait_ms, preprocess_ms, infer_ms, batch_size, release_reason, worker };
    }
    return slowest ?? NO_RUN;
  }

  private dispatch({ outbox }: Transition): void {
    if (outbox.length > 0) void this.options.outbox.offer(outbox, this.options.log);
  }
}

/** Doubled each time, and shortened at random by up to half, so that what failed together does not come back together. */
function pauseMs(failures: number): number {
  return FIRST_PAUSE_MS * 2 ** failures * (1 - Math.random() / 2);
}

const NO_RUN: RunMetrics = {
  queue_ms: 0,
  batch_wait_ms: 0,
  preprocess_ms: 0,
  infer_ms: 0,
  batch_size: 0,
  release_reason: 'greedy',
  worker: '',
};
