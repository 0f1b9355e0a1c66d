/**
 * One job of a durable prediction on this worker: its inputs run like all others, and when the last has an outcome the
 * record is moved to what they add up to.
 *
 * Invariants: `settled` resolves after the record has ended, is up for another try, or was found to have ended; what
 * failed for a reason that may pass is tried again unless this was the last try; a row of a bulk run fails alone.
 */
import { createHash } from 'node:crypto';
import {
  isErrorCode,
  mayPass,
  type DeadReason,
  type ErrorCode,
  type Failure,
  type IncomingPrediction,
  type Ledger,
  type Logger,
  type Outbox,
  type Outcome,
  type OutputItem,
  type PredictionFailure,
  type PredictionRecord,
  type RunMetrics,
  type Settled,
  type Transition,
} from '#inference';
import type { BatchFacts, RunOfInput } from './part.js';

/** Frames start at multiples of this inside an output, so that they are read in place. */
const ALIGNMENT = 8;

export interface DurableRunOptions {
  incoming: IncomingPrediction;
  record: PredictionRecord;
  payload: Buffer;
  worker: string;
  ledger: Ledger;
  outbox: Outbox;
  log: Logger;
}

interface Answered {
  outcome: Outcome | Failure;
  batch: BatchFacts;
}

export class DurableRun {
  readonly settled: Promise<Settled>;
  private resolve!: (settled: Settled) => void;
  private readonly answers: (Answered | undefined)[];
  private left: number;
  private begun = false;
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

  /** Not waited for: a record that has ended meanwhile refuses the outcome as it refuses this. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { ledger, incoming } = this.options;
    ledger.begin(incoming).then(
      (transition) => this.dispatch(transition),
      (error: unknown) => this.options.log.debug({ reason: String(error) }, 'a begin was not recorded'),
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
      this.options.log.error({ prediction: this.options.incoming.id, reason: String(error) }, 'not settled');
      this.resolve('again');
    });
  }

  private async settle(): Promise<Settled> {
    const { ledger, incoming, record } = this.options;
    const failure = this.failure();
    if (!failure) {
      this.dispatch(await ledger.succeed(incoming, this.success()));
      return 'done';
    }
    const { code, message } = failure;
    if (code === 'CALLER_GONE') return (await this.isLive()) ? 'again' : 'done';
    if (code === 'DEADLINE_EXCEEDED') {
      this.dispatch(await ledger.expire(incoming, { code, message }));
      return 'done';
    }
    if (mayPass(code) && !incoming.last) {
      await ledger.again(incoming);
      return 'again';
    }
    const reason: DeadReason | undefined =
      code === 'INPUT_POISONOUS' ? 'poison' : mayPass(code) ? 'exhausted' : undefined;
    const dead = reason && { reason, digest: createHash('sha256').update(this.options.payload).digest('hex') };
    this.options.log.warn({ prediction: record.id, request: record.request, code, dead: reason }, 'prediction failed');
    this.dispatch(await ledger.fail(incoming, dead ? { code, message, dead } : { code, message }));
    return 'done';
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

  private success(): { outputs: OutputItem[]; bytes: Buffer; metrics: RunMetrics } {
    const outputs: OutputItem[] = [];
    const pieces: Uint8Array[] = [];
    let offset = 0;
    for (const { outcome } of this.answers as Answered[]) {
      if (outcome.status !== 'ok') continue;
      const padding = -offset & (ALIGNMENT - 1);
      if (padding > 0) pieces.push(new Uint8Array(padding));
      offset += padding;
      outputs.push({ type: outcome.type, offset, length: outcome.bytes.byteLength });
      pieces.push(outcome.bytes);
      offset += outcome.bytes.byteLength;
    }
    return { outputs, bytes: Buffer.concat(pieces), metrics: this.metrics() };
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

  /** It was dropped as cancelled; a stale word of an earlier generation must not drop a later one. */
  private async isLive(): Promise<boolean> {
    return (await this.options.ledger.live(this.options.incoming)) !== undefined;
  }

  private dispatch({ outbox }: Transition): void {
    if (outbox.length === 0) return;
    // Whoever drains the outbox does it if this worker cannot.
    this.options.outbox.dispatch(outbox).catch((error: unknown) => {
      this.options.log.debug({ reason: String(error) }, 'a delivery is left to the outbox');
    });
  }
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
