/**
 * Runs a sealed batch on a slot and sees to it that every part of it is answered or tried again.
 *
 * Invariants: a part is tried again at most once, and then by itself; a part that ends an executor by itself is
 * poison and is logged with its digest; a part is answered by exactly one of: its result, its failure.
 */
import { createHash } from 'node:crypto';
import {
  isErrorCode,
  type Batcher,
  type ErrorCode,
  type ExecutorResult,
  type LatencyModel,
  type Sealed,
} from '#inference';
import type { WorkerContext } from '../context.js';
import { BACKGROUND_PATIENCE, type Ran } from '../executor/executor-process.js';
import type { ExecutorSlot } from '../executor/executor-slot.js';
import { failure, type Part } from './part.js';
import { rounded, succeeded, type ReplyOutlet } from './reply-outlet.js';

/** Decoding is bounded by itself in the executor, of pictures and of texts; the watchdog allows for it on top of the run. */
const DECODE_ALLOWANCE_MS = 6_000;

export interface Serving {
  name: string;
  version: string;
  batcher: Batcher<Part>;
}

export class BatchRunner {
  constructor(
    private readonly context: WorkerContext,
    private readonly outlet: ReplyOutlet,
    /** Called when a slot may be free again or parts wait again. */
    private readonly dispatch: () => void,
  ) {}

  async run(
    { slot, turn }: { slot: ExecutorSlot; turn: number },
    serving: Serving,
    batch: Sealed<Part>,
  ): Promise<void> {
    const { batcher, name, version } = serving;
    const sealedAt = this.context.clock.now();
    for (const part of batch.items) part.prediction.sealed(sealedAt);
    this.context.metrics.released.inc({ model: name, version, reason: batch.reason });
    const joins = batch.items.every((part) => part.prepares && !part.alone);
    const decoding = batch.items.some(({ input }) => input.type !== 'tensors') ? DECODE_ALLOWANCE_MS : 0;
    // The run that it shares may be as large as runs get.
    const timeoutMs = batcher.runTimeoutMs(joins ? batcher.maxBatchSize : batch.rows) + decoding;
    const running = slot.execute({
      model: `${name}:${version}`,
      inputs: batch.items.map((part) => part.input),
      joins,
      most: batcher.maxBatchSize,
      turn,
      timeoutMs: slot.isBackground ? BACKGROUND_PATIENCE * timeoutMs : timeoutMs,
    });
    batch.from.began(batch.own);
    const outcome = await running;
    batch.from.ended(batch.own);
    // In the background a run takes longer while others are busy, which is nothing to judge theirs by.
    const { latency } = slot.isBackground ? batch.from : batcher;
    if (outcome.kind === 'ran') this.answered(serving, { batch, latency }, outcome);
    else if (outcome.kind === 'broke') this.broke(serving, batch, outcome);
    else this.died(serving, batch, outcome.suspect);
    this.dispatch();
  }

  private answered(
    serving: Serving,
    { batch, latency }: { batch: Sealed<Part>; latency: LatencyModel },
    ran: Ran,
  ): void {
    const { name, version, batcher } = serving;
    const labels = { model: name, version };
    const { metrics } = this.context;
    const { rows, inferMs, leads } = ran.run;
    if (rows > 0 && leads) {
      latency.record(rows * (batch.items[0]?.weight ?? 1), inferMs);
      metrics.run.observe(labels, inferMs / 1_000);
      metrics.batchSize.observe(labels, rows);
    }
    batch.from.prepared(batch.rows, ran.prepareMs);
    const reason = rows >= batcher.maxBatchSize ? 'full' : batch.reason;
    const facts = { size: rows, infer_ms: rounded(inferMs), release_reason: reason };
    const answers = [];
    for (const [i, part] of batch.items.entries()) {
      const result = ran.results[i];
      if (!result?.ok) {
        this.failed(serving, part, result);
        continue;
      }
      const bytes = ran.bytes.subarray(result.offset, result.offset + result.length);
      const whole = part.prediction.put(part.index, { type: result.type, bytes, preprocessMs: result.preprocessMs });
      if (!whole) continue;
      const answer = succeeded(part.prediction, whole);
      this.observe(labels, part, answer.outcome);
      answers.push(answer);
    }
    if (answers.length > 0) this.outlet.answer(facts, answers);
  }

  private observe(
    labels: { model: string; version: string },
    part: Part,
    outcome: ReturnType<typeof succeeded>['outcome'],
  ): void {
    if (outcome.status !== 'ok') return;
    const { metrics, log } = this.context;
    metrics.queue.observe(labels, outcome.queue_ms / 1_000);
    metrics.batchWait.observe(labels, outcome.batch_wait_ms / 1_000);
    if (part.input.type !== 'tensors') metrics.preprocess.observe(labels, outcome.preprocess_ms / 1_000);
    metrics.outcomes.inc({ ...labels, outcome: 'ok' });
    if (log.isLevelEnabled('debug'))
      log.debug({ request: part.prediction.item.request, ...labels }, 'prediction answered');
  }

  /** One input was refused by the executor (undecodable, wrong shape); the others of its batch have run. */
  private failed(serving: Serving, part: Part, result: (ExecutorResult & { ok: false }) | undefined): void {
    const code = result && isErrorCode(result.code) ? result.code : 'INTERNAL';
    this.fail(serving, part, { code, message: result?.message ?? 'The executor gave no answer for this input.' });
  }

  private broke(
    serving: Serving,
    batch: Sealed<Part>,
    { message, shared }: { message: string; shared: boolean },
  ): void {
    const [only] = batch.items;
    if (batch.items.length > 1 || shared) return this.again(batch, true);
    this.context.log.warn(
      { request: only!.prediction.item.request, model: serving.name, version: serving.version, reason: message },
      'the model failed on one input by itself',
    );
    this.fail(serving, only!, failure('MODEL_RUN_FAILED'));
  }

  private died(serving: Serving, batch: Sealed<Part>, suspect: boolean): void {
    const [only] = batch.items;
    if (!suspect || batch.items.length > 1 || !only!.retried) return this.again(batch, suspect);
    const digest = createHash('sha256').update(only!.input.bytes).digest('hex');
    const { name, version } = serving;
    this.context.metrics.poison.inc({ model: name, version });
    this.context.log.error(
      {
        request: only!.prediction.item.request,
        model: name,
        version,
        sha256: digest,
        bytes: only!.input.bytes.byteLength,
      },
      'an input ended the executor by itself and was set aside',
    );
    this.fail(serving, only!, failure('INPUT_POISONOUS'));
  }

  private again(batch: Sealed<Part>, suspect: boolean): void {
    for (const part of batch.items) {
      part.alone ||= suspect;
      part.retried ||= suspect;
      part.batcher.add(part);
    }
  }

  private fail(serving: Serving, part: Part, { code, message }: { code: ErrorCode; message: string }): void {
    const { name, version } = serving;
    this.context.metrics.outcomes.inc({ model: name, version, outcome: code });
    this.outlet.fail(part.prediction, { code, message });
  }
}
