/**
 * From answered predictions to those who are told: one reply in Redis per batch and gateway, and the runs of durable
 * predictions; failures that belong to no batch (dropped, refused) are gathered per tick.
 *
 * Invariant: a prediction counts as settled only after its reply is in Redis, so its pack cannot complete before.
 */
import { ReplyWriter, type ErrorCode, type Failure, type Outcome } from '#inference';
import type { WorkerContext } from '../context.js';
import type { BatchFacts, PartResult, Prediction } from './part.js';

interface Answer {
  prediction: Prediction;
  outcome: Outcome | Failure;
}

const NO_BATCH: BatchFacts = { size: 0, infer_ms: 0, release_reason: 'greedy' };

export class ReplyOutlet {
  private readonly writer: ReplyWriter;
  private gathered: Answer[] = [];

  constructor(private readonly context: WorkerContext) {
    this.writer = new ReplyWriter(context.redis, context.keys, context.id);
  }

  answer(batch: BatchFacts, answers: readonly Answer[]): void {
    const byGateway = new Map<string, Answer[]>();
    for (const answer of answers) {
      const { destination } = answer.prediction;
      if (typeof destination !== 'string') {
        destination.take(answer.outcome, batch);
        answer.prediction.settled();
        continue;
      }
      const same = byGateway.get(destination);
      if (same) same.push(answer);
      else byGateway.set(destination, [answer]);
    }
    for (const [gateway, own] of byGateway) void this.write(gateway, batch, own);
  }

  /** Answers a prediction with a failure, unless it is answered already. */
  fail(prediction: Prediction, { code, message }: { code: ErrorCode; message: string }): void {
    if (!prediction.fail()) return;
    if (this.gathered.length === 0) setImmediate(() => this.flush());
    this.gathered.push({ prediction, outcome: { status: 'failed', id: prediction.item.id, code, message } });
  }

  private flush(): void {
    const answers = this.gathered;
    this.gathered = [];
    this.answer(NO_BATCH, answers);
  }

  private async write(gateway: string, batch: BatchFacts, answers: Answer[]): Promise<void> {
    try {
      await this.writer.write(
        gateway,
        batch,
        answers.map((answer) => answer.outcome),
      );
    } catch (error) {
      // Redis took the command and refused it (out of memory, read-only): the callers learn by their deadlines.
      this.context.log.error({ reason: String(error), predictions: answers.length }, 'replies could not be written');
    }
    for (const { prediction } of answers) {
      prediction.settled();
    }
  }
}

/** A finished prediction as it goes into a reply. */
export function succeeded(prediction: Prediction, whole: PartResult): Answer {
  const { item, taken, sealedAt } = prediction;
  return {
    prediction,
    outcome: {
      status: 'ok',
      id: item.id,
      type: whole.type,
      bytes: whole.bytes,
      queue_ms: rounded(taken - item.accepted),
      batch_wait_ms: rounded(sealedAt - taken),
      preprocess_ms: rounded(whole.preprocessMs),
    },
  };
}

/** Milliseconds to three places, never negative (two clocks may disagree by less than a millisecond). */
export function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 1_000) / 1_000);
}
