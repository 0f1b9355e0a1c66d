/**
 * Takes a pack apart: each of its predictions becomes parts in the batcher of its version; the pack is done when the
 * last of them is answered.
 *
 * Invariant: `process` resolves only after every reply is in Redis, which is what lets BullMQ complete the pack.
 */
import {
  decodeFrame,
  encodeFrame,
  signatureOf,
  sliceRows,
  splitRows,
  type Batcher,
  type IncomingPack,
  type ModelDescription,
  type PackItem,
} from '#inference';
import type { WorkerContext } from './context.js';
import { Departures } from './predictions/departures.js';
import { failure, Part, Prediction } from './predictions/part.js';
import type { ReplyOutlet } from './predictions/reply-outlet.js';

export interface PackTarget {
  description: ModelDescription;
  batcher: Batcher<Part>;
}

export class PredictionProcessor {
  private readonly departures = new Departures();

  constructor(
    private readonly context: WorkerContext,
    private readonly outlet: ReplyOutlet,
    private readonly dispatch: () => void,
  ) {}

  /** Its caller has gone; its pack may be here, or still to come. */
  depart(id: string): void {
    this.departures.add(id);
  }

  async process(incoming: IncomingPack, target: PackTarget): Promise<void> {
    const { items, gateway } = incoming.pack;
    const taken = this.context.clock.now();
    let left = items.length;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (--left === 0) resolve();
      };
      const predictions = items.map((item) => new Prediction({ item, gateway, taken, done }));
      void this.submit(incoming, target, predictions);
    });
  }

  private async submit(incoming: IncomingPack, target: PackTarget, predictions: Prediction[]): Promise<void> {
    const now = this.context.clock.now();
    // A pack that nobody waits for any more is not worth its bytes.
    const late = predictions.every((prediction) => prediction.item.deadline < now);
    const payload = late ? null : await this.payload(incoming);
    for (const prediction of predictions) {
      if (late) this.fail(prediction, target, 'DEADLINE_EXCEEDED');
      else if (!payload) this.fail(prediction, target, 'PAYLOAD_LOST');
      else this.enqueue(prediction, payload, { target, alone: incoming.redelivered });
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

  private fail(prediction: Prediction, { description }: PackTarget, code: 'DEADLINE_EXCEEDED' | 'PAYLOAD_LOST'): void {
    const { name, version } = description;
    this.context.metrics.outcomes.inc({ model: name, version, outcome: code });
    this.outlet.fail(prediction, failure(code));
  }

  private enqueue(
    prediction: Prediction,
    payload: Buffer,
    { target, alone }: { target: PackTarget; alone: boolean },
  ): void {
    const { item } = prediction;
    if (item.offset + item.length > payload.length) {
      return this.fail(prediction, target, 'PAYLOAD_LOST');
    }
    const bytes = payload.subarray(item.offset, item.offset + item.length);
    let parts: Part[];
    try {
      parts = partsOf(prediction, bytes, target.description);
    } catch (error) {
      this.context.log.error({ request: item.request, reason: String(error) }, 'an input could not be taken apart');
      return this.fail(prediction, target, 'PAYLOAD_LOST');
    }
    prediction.expect(parts.length);
    const gone = this.departures.take(item.id);
    for (const part of parts) {
      // Its last holder vanished with it: maybe by accident, maybe not.
      part.alone = alone;
      part.departed = gone;
      target.batcher.add(part);
    }
  }
}

function partsOf(prediction: Prediction, bytes: Buffer, description: ModelDescription): Part[] {
  const { item } = prediction;
  const signature = signatureFor(item, bytes, description);
  const whole = { type: item.type, rows: item.rows, bytes };
  if (item.rows <= description.maxBatchSize || !description.batched || item.type === 'image') {
    return [new Part({ prediction, signature, input: whole, index: 0 })];
  }
  const tensors = decodeFrame(bytes);
  return splitRows(item.rows, description.maxBatchSize).map(([from, to], index) => {
    const slice = encodeFrame(tensors.map((tensor) => sliceRows(tensor, from, to)));
    return new Part({ prediction, signature, input: { type: 'tensors', rows: to - from, bytes: slice }, index });
  });
}

/** Only a model with free axes can be given tensors of different signatures; for all others the look is saved. */
function signatureFor(item: PackItem, bytes: Buffer, description: ModelDescription): string {
  if (item.type === 'image') return 'image';
  const free = description.inputs.some((input) => input.shape.slice(description.batched ? 1 : 0).includes(null));
  if (!free && description.batched) return 'tensors';
  return signatureOf(decodeFrame(bytes), description.batched);
}
