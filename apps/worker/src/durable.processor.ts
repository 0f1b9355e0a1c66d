/**
 * Takes a durable prediction's job: its record says whether there is anything to do, its payload what.
 *
 * Invariant: `process` resolves after the record has ended or is up for another try, which is what lets BullMQ
 * complete the job or bring it back.
 */
import type { IncomingPrediction, PredictionRecord, Settled } from '#inference';
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

  async process(incoming: IncomingPrediction, target: Target): Promise<Settled> {
    const { ledger, outbox, clock, log, id: worker } = this.context;
    const [record, payload] = await Promise.all([ledger.live(incoming), ledger.input(incoming.id)]);
    if (!record) return 'done';
    if (record.deadline < clock.now()) {
      const { outbox: decided } = await ledger.expire(incoming, failure('DEADLINE_EXCEEDED'));
      await outbox.dispatch(decided);
      return 'done';
    }
    if (!payload) {
      const { outbox: decided } = await ledger.fail(incoming, failure('PAYLOAD_LOST'));
      await outbox.dispatch(decided);
      return 'done';
    }
    const run = new DurableRun({ incoming, record, payload, worker, ledger, outbox, log });
    const { batcher } = target;
    for (const prediction of this.predictions(record, run)) {
      this.intake.enqueue(prediction, payload, { target, batcher, alone: incoming.redelivered, departed: false });
    }
    this.dispatch();
    return run.settled;
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
