/**
 * Takes the job of a durable prediction, or of several: each record says whether there is anything to do, its payload
 * what.
 *
 * Invariants: `process` resolves after every record has ended, is up for another try, or was found to have ended, which
 * is what lets BullMQ complete the job; a record that Redis would not give or take stays live without a job, which is
 * what the reconciler looks for; one that cannot be read fails its job, by which the reconciler knows it. Neither keeps
 * another of the same job from running.
 */
import {
  UnreadableRecord,
  type GenerationRef,
  type IncomingJob,
  type PredictionRecord,
  type Transition,
} from '#inference';
import type { WorkerContext } from './context.js';
import { DurableRun } from './predictions/durable-run.js';
import type { Intake, Target } from './predictions/intake.js';
import { failure, Prediction } from './predictions/part.js';

export class DurableProcessor {
  constructor(
    private readonly context: WorkerContext,
    private readonly intake: Intake,
    private readonly dispatch: () => void,
  ) {}

  async process({ refs, redelivered }: IncomingJob, target: Target): Promise<void> {
    const started = await Promise.allSettled(refs.map((ref) => this.start(ref, { target, alone: redelivered })));
    // All at once, so that those of one job can share a batch.
    this.dispatch();
    await Promise.all(
      started.flatMap((each) => (each.status === 'fulfilled' && each.value ? [each.value.settled] : [])),
    );
    const reasons = started.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    for (const reason of reasons)
      this.context.log.error({ reason: String(reason) }, 'a prediction could not be started');
    const unreadable = reasons.find((reason) => reason instanceof UnreadableRecord);
    if (unreadable) throw unreadable;
  }

  /** Puts its inputs into the batcher; undefined where there is nothing to wait for. */
  private async start(
    ref: GenerationRef,
    { target, alone }: { target: Target; alone: boolean },
  ): Promise<DurableRun | undefined> {
    const { ledger, outbox, clock, log, id: worker } = this.context;
    const [record, payload] = await Promise.all([ledger.live(ref), ledger.input(ref.id)]);
    if (!record) return undefined;
    if (record.deadline < clock.now()) return this.end(ledger.expire(ref, failure('DEADLINE_EXCEEDED')));
    if (isOther(record, target)) return this.end(ledger.fail(ref, failure('VERSION_REMOVED')));
    if (!payload) return this.end(ledger.fail(ref, failure('PAYLOAD_LOST')));
    const run = new DurableRun({ ref, record, payload, worker, clock, ledger, outbox, log });
    const batcher = record.lane === 'bulk' ? target.bulk : target.batcher;
    for (const prediction of this.predictions(record, run)) {
      this.intake.enqueue(prediction, payload, { target, batcher, alone, departed: false });
    }
    return run;
  }

  private async end(ending: Promise<Transition>): Promise<undefined> {
    const { outbox, log } = this.context;
    await outbox.offer((await ending).outbox, log);
  }

  private predictions(record: PredictionRecord, run: DurableRun): Prediction[] {
    const taken = this.context.clock.now();
    const { id, request, deadline, created: accepted } = record;
    return record.items.map((item, index) => {
      const head = { ...item, id, request, deadline, accepted };
      return new Prediction({ item: head, destination: run.input(index), taken, done: () => undefined });
    });
  }
}

/** It was accepted for a package that is gone, and whose name another has. */
function isOther({ package: mark }: PredictionRecord, target: Target): boolean {
  return mark !== undefined && target.mark !== undefined && mark !== target.mark;
}
