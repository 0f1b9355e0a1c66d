/**
 * Takes a pack apart: each of its predictions becomes parts in the batcher of its version; the pack is done when the
 * last of them is answered.
 *
 * Invariant: `process` resolves only after every reply that somebody waits for is in Redis, which is what lets BullMQ
 * complete the pack. Shadows, whose callers have their answer from another version, wait among the rows of bulk runs and
 * hold no pack.
 */
import type { IncomingPack } from '#inference';
import type { WorkerContext } from './context.js';
import { Departures } from './predictions/departures.js';
import type { Intake, Target } from './predictions/intake.js';
import { Prediction } from './predictions/part.js';

export class PredictionProcessor {
  private readonly departures = new Departures();

  constructor(
    private readonly context: WorkerContext,
    private readonly intake: Intake,
    private readonly dispatch: () => void,
  ) {}

  /** Its caller has gone; its pack may be here, or still to come. */
  depart(id: string): void {
    this.departures.add(id);
  }

  async process(incoming: IncomingPack, target: Target): Promise<void> {
    const { items, gateway } = incoming.pack;
    const taken = this.context.clock.now();
    let left = items.filter(({ shadow }) => !shadow).length;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (--left === 0) resolve();
      };
      const nobody = (): void => undefined;
      const predictions = items.map(
        (item) => new Prediction({ item, destination: gateway, taken, done: item.shadow ? nobody : done }),
      );
      void this.submit(incoming, target, predictions).then(() => left === 0 && resolve());
    });
  }

  private async submit(incoming: IncomingPack, target: Target, predictions: Prediction[]): Promise<void> {
    const now = this.context.clock.now();
    // A pack that nobody waits for any more is not worth its bytes.
    const late = predictions.every((prediction) => prediction.item.deadline < now);
    const payload = late ? null : await this.payload(incoming);
    for (const prediction of predictions) {
      if (late) this.intake.refuse(prediction, target, 'DEADLINE_EXCEEDED');
      else if (!payload) this.intake.refuse(prediction, target, 'PAYLOAD_LOST');
      else {
        const departed = this.departures.take(prediction.item.id);
        const batcher = prediction.item.shadow ? target.bulk : target.batcher;
        this.intake.enqueue(prediction, payload, { target, batcher, alone: incoming.redelivered, departed });
      }
    }
    this.dispatch();
  }

  private async payload(incoming: IncomingPack): Promise<Buffer | null> {
    try {
      return await incoming.payload();
    } catch (error) {
      this.context.log.error({ reason: String(error) }, 'a payload could not be read');
      return null;
    }
  }
}
