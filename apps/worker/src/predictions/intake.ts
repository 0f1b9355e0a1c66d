/**
 * From an input's bytes to parts in the batcher of its version, whichever lane it came by.
 *
 * Invariant: every prediction handed in is either in a batcher afterwards or has been answered with a failure.
 */
import {
  decodeFrame,
  encodeFrame,
  lengthBucket,
  signatureOf,
  sliceRows,
  splitRows,
  type Batcher,
  type LengthBucket,
  type ModelDescription,
  type PackItem,
} from '#inference';
import type { WorkerContext } from '../context.js';
import { failure, Part, type Prediction } from './part.js';
import type { ReplyOutlet } from './reply-outlet.js';

/** Where a version's predictions wait. */
export interface Target {
  description: ModelDescription;
  /** packageMark of a registered version. */
  mark?: string;
  batcher: Batcher<Part>;
  /** The same for rows of bulk runs, which get what the others leave. */
  bulk: Batcher<Part>;
}

export interface Entry {
  target: Target;
  /** The batcher of the target that it waits in. */
  batcher: Batcher<Part>;
  /** Its last holder vanished with it: maybe by accident, maybe not. */
  alone: boolean;
  /** Its caller has gone already. */
  departed: boolean;
}

export class Intake {
  constructor(
    private readonly context: WorkerContext,
    private readonly outlet: ReplyOutlet,
  ) {}

  enqueue(prediction: Prediction, payload: Buffer, { target, batcher, alone, departed }: Entry): void {
    const { item } = prediction;
    if (item.offset + item.length > payload.length) return this.refuse(prediction, target, 'PAYLOAD_LOST');
    const bytes = payload.subarray(item.offset, item.offset + item.length);
    let parts: Part[];
    try {
      parts = partsOf({ prediction, batcher }, bytes, target.description);
    } catch (error) {
      this.context.log.error({ request: item.request, reason: String(error) }, 'an input could not be taken apart');
      return this.refuse(prediction, target, 'PAYLOAD_LOST');
    }
    prediction.expect(parts.length);
    for (const part of parts) {
      part.alone = alone;
      part.departed = departed;
      batcher.add(part);
    }
  }

  refuse(prediction: Prediction, { description }: Target, code: 'DEADLINE_EXCEEDED' | 'PAYLOAD_LOST'): void {
    const { name, version } = description;
    this.context.metrics.outcomes.inc({ model: name, version, outcome: code });
    this.outlet.fail(prediction, failure(code));
  }
}

function partsOf(whose: Pick<Part, 'prediction' | 'batcher'>, bytes: Buffer, description: ModelDescription): Part[] {
  const { item } = whose.prediction;
  const { signature, weight } = lineFor(item, bytes, description);
  const whole = { type: item.type, rows: item.rows, bytes };
  if (item.rows <= description.maxBatchSize || !description.batched || item.type !== 'tensors') {
    return [new Part({ ...whose, signature, weight, input: whole, index: 0 })];
  }
  const tensors = decodeFrame(bytes);
  return splitRows(item.rows, description.maxBatchSize).map(([from, to], index) => {
    const slice = encodeFrame(tensors.map((tensor) => sliceRows(tensor, from, to)));
    return new Part({ ...whose, signature, weight, input: { type: 'tensors', rows: to - from, bytes: slice }, index });
  });
}

/** Only a model with free axes can be given tensors of different signatures; for all others the look is saved. */
function lineFor(item: PackItem, bytes: Buffer, description: ModelDescription): LengthBucket {
  if (item.type === 'text') return lengthBucket(bytes.byteLength, description);
  if (item.type === 'image') return { signature: 'image', weight: 1 };
  const free = description.inputs.some((input) => input.shape.slice(description.batched ? 1 : 0).includes(null));
  const signature = !free && description.batched ? 'tensors' : signatureOf(decodeFrame(bytes), description.batched);
  return { signature, weight: 1 };
}
