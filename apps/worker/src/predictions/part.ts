/**
 * A prediction in a worker, and its parts: the ranges of its rows that each fit one batch. What waits in a batcher
 * is a part; what is answered is the prediction, once, when its last part is done.
 *
 * A prediction is one input: of a pack, whose gateway is told of its outcome, or of a durable prediction, whose run is.
 */
import {
  concatRows,
  decodeFrame,
  encodeFrame,
  type Batcher,
  type ErrorCode,
  type ExecutorInput,
  type Failure,
  type Outcome,
  type PackItem,
  type Preparable,
  type ReplyHeader,
} from '#inference';

export interface PartResult {
  type: 'tensors' | 'json';
  bytes: Uint8Array;
  preprocessMs: number;
}

/** Size, duration and release reason of the batch that answered. */
export type BatchFacts = ReplyHeader['batch'];

/** The durable prediction that an input belongs to, as far as its parts must know it. */
export interface RunOfInput {
  /** A batch with it is sealed. */
  begin(): void;
  take(outcome: Outcome | Failure, batch: BatchFacts): void;
}

/** The id of the gateway whose caller waits, or the run. */
export type Destination = string | RunOfInput;

export class Prediction {
  /** Milliseconds by Redis' clock when the first of its parts was sealed. */
  sealedAt = 0;
  private readonly results: PartResult[] = [];
  private left = 1;
  private answered = false;

  readonly item: PackItem;
  readonly destination: Destination;
  /** Milliseconds by Redis' clock when this worker took it. */
  readonly taken: number;
  private readonly done: () => void;

  constructor(from: { item: PackItem; destination: Destination; taken: number; done: () => void }) {
    this.item = from.item;
    this.destination = from.destination;
    this.taken = from.taken;
    this.done = from.done;
  }

  /** One of its parts is in a batch that goes to a slot now. */
  sealed(now: number): void {
    if (this.sealedAt > 0) return;
    this.sealedAt = now;
    if (typeof this.destination !== 'string') this.destination.begin();
  }

  expect(parts: number): void {
    this.left = parts;
  }

  /** Keeps one part's result; the whole when it was the last one still missing. */
  put(index: number, result: PartResult): PartResult | undefined {
    if (this.answered) return undefined;
    this.results[index] = result;
    if (--this.left > 0) return undefined;
    this.answered = true;
    return this.results.length === 1 ? result : joined(this.results);
  }

  /** True for the first failure of any part; the others have nothing to add. */
  fail(): boolean {
    const first = !this.answered;
    this.answered = true;
    return first;
  }

  /** Its reply is in Redis. */
  settled(): void {
    this.done();
  }
}

export type PartFacts = Pick<Part, 'prediction' | 'signature' | 'weight' | 'input' | 'index' | 'batcher'>;

export class Part implements Preparable {
  departed = false;
  alone = false;
  /** True once a run with it has failed for a reason that may be it. */
  retried = false;

  readonly prediction: Prediction;
  readonly signature: string;
  readonly weight: number;
  readonly input: ExecutorInput;
  /** Its place among the prediction's parts. */
  readonly index: number;
  /** Where it waits, and waits again if it is tried again: bulk rows stay among their own. */
  readonly batcher: Batcher<Part>;

  constructor(from: PartFacts) {
    this.prediction = from.prediction;
    this.signature = from.signature;
    this.weight = from.weight;
    this.input = from.input;
    this.index = from.index;
    this.batcher = from.batcher;
  }

  get id(): string {
    return this.prediction.item.id;
  }

  get rows(): number {
    return this.input.rows;
  }

  get deadline(): number {
    return this.prediction.item.deadline;
  }

  get since(): number {
    return this.prediction.taken;
  }

  get prepares(): boolean {
    return this.input.type === 'image';
  }
}

/** Failures in a caller's words; what went on inside is in the log. */
export const FAILURES = {
  DEADLINE_EXCEEDED: 'The deadline passed before a worker could run this prediction. Allow more time or add workers.',
  CALLER_GONE: 'The caller left before the prediction ran.',
  PAYLOAD_LOST: 'The input was lost from Redis before a worker could read it. Send the request again.',
  VERSION_REMOVED: 'The version was removed, and is another package now. Submit the input again to run it on that.',
  MODEL_RUN_FAILED:
    'The model failed on this input, alone and not because of others. Check its values against what the model was trained on.',
  INPUT_POISONOUS:
    'This input ended the executor twice, the second time alone. It was set aside and will not be tried again.',
} as const satisfies Partial<Record<ErrorCode, string>>;

export function failure<C extends keyof typeof FAILURES>(code: C): { code: C; message: string } {
  return { code, message: FAILURES[code] };
}

function joined(results: readonly PartResult[]): PartResult {
  const preprocessMs = results.reduce((sum, part) => sum + part.preprocessMs, 0);
  const type = results[0]!.type;
  if (type === 'json') {
    // Each part is a JSON array of its rows' objects.
    const rows = results.map((part) => Buffer.from(part.bytes).toString().slice(1, -1)).join(',');
    return { type, bytes: Buffer.from(`[${rows}]`), preprocessMs };
  }
  const frames = results.map((part) => decodeFrame(part.bytes));
  const whole = frames[0]!.map((_, tensor) => concatRows(frames.map((frame) => frame[tensor]!)));
  return { type, bytes: encodeFrame(whole), preprocessMs };
}
