/**
 * A durable prediction as Redis keeps it, under `prediction:<id>`: what was asked, where it stands, how it went.
 *
 * The hash is written by the scripts in ledger/ alone; this schema is how everybody reads it. The input lies apart under `payload:<id>`, the output under `result:<id>`.
 */
import { z } from 'zod';
import { place, places, unpacked } from './end-to-end.js';
import { INPUT_TYPES } from './input-type.js';

export const STATUSES = ['starting', 'processing', 'succeeded', 'failed', 'canceled', 'aborted'] as const;
export type Status = (typeof STATUSES)[number];

const TERMINAL = new Set<Status>(['succeeded', 'failed', 'canceled', 'aborted']);

export function isTerminal(status: Status): boolean {
  return TERMINAL.has(status);
}

export const LANES = ['durable', 'bulk'] as const;
export type Lane = (typeof LANES)[number];

export const DELIVERY_EVENTS = ['start', 'completed'] as const;
export type DeliveryEvent = (typeof DELIVERY_EVENTS)[number];

/** Retried in vain; ended an executor alone; lost with its worker too often. */
export const DEAD_REASONS = ['exhausted', 'poison', 'lost'] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** How the input was given, and so how the answer is laid out. */
export const INPUT_FORMS = ['bytes', 'input', 'inputs', 'tensors'] as const;

const storedItem = { type: z.enum(INPUT_TYPES), rows: z.number().int().positive() };
/** The input's items, end to end in the payload: one for tensors, one for each picture or text. */
const storedItems = z.union([
  z.object({ ...storedItem, ...places }).transform((items) => unpacked(items)),
  z.array(z.object({ ...storedItem, ...place })),
]);
export type StoredItem = z.infer<typeof storedItems>[number];

const outputType = { type: z.enum(['tensors', 'json']) };
const outputItem = z.union([
  z.object({ ...outputType, ...place }),
  z.object({ code: z.string(), message: z.string() }),
]);
/** The output's items in the same order, end to end in the result; in a bulk run one may have failed by itself. */
const outputItems = z.union([
  z.object({ ...outputType, ...places }).transform((items) => unpacked(items)),
  z.array(outputItem),
]);
export type OutputItem = z.infer<typeof outputItem>;

/** Of several items the slowest counts. */
export const runMetrics = z.object({
  queue_ms: z.number(),
  batch_wait_ms: z.number(),
  preprocess_ms: z.number(),
  infer_ms: z.number(),
  batch_size: z.number(),
  release_reason: z.string(),
  worker: z.string(),
});
export type RunMetrics = z.infer<typeof runMetrics>;

/** A row of a bulk run that says more than its place: what its sender calls it, and why it has no input. */
export const chunkRow = z.object({
  /** The sender's own id of the row. */
  id: z.string().optional(),
  /** Of a file: its name. */
  name: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});
export type ChunkRow = z.infer<typeof chunkRow>;

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

/** What never changes after the submission: one field of the hash, for each field costs Redis about 80 bytes. */
export const recordHead = z.object({
  owner: z.string(),
  model: z.string(),
  version: z.string(),
  /** packageMark of what it was accepted for: the version's name may be another package's by the time it runs. */
  package: z.string().optional(),
  lane: z.enum(LANES),
  /** Request id of the submission, for log lines. */
  request: z.string(),
  form: z.enum(INPUT_FORMS),
  /** Whether the model has a batch axis, which the layout of the answer hangs on. */
  batched: z.boolean(),
  /** None only in a chunk of a bulk run none of whose rows could be read. */
  items: storedItems,
  inputBytes: z.number().int().nonnegative(),
  /** Runs whose failure another may mend, the first included; then it is a dead letter. */
  tries: z.number().int().positive(),
  created: z.number().int(),
  /** Milliseconds that input and output, and then the record, are kept after the end. */
  keepData: z.number().int().positive(),
  keepRecord: z.number().int().positive(),
  /** The client's own id (PUT), within its owner. */
  alias: z.string().optional(),
  webhook: z.string().optional(),
  events: z.array(z.enum(DELIVERY_EVENTS)).optional(),
  /** Bulk: the batch that it is a chunk of, and its first row's place there. */
  batch: z.string().optional(),
  row: z.number().int().nonnegative().optional(),
  /** Bulk: all rows of the chunk, where any has a name or no input; `items` are those that have one, in order. */
  rows: z.array(chunkRow).optional(),
});
export type RecordHead = z.infer<typeof recordHead>;

const number = z.coerce.number();

/** The hash as it is; times in milliseconds by Redis' clock. */
export const recordState = z.object({
  status: z.enum(STATUSES),
  generation: number,
  attempts: number,
  /** Runs that failed in a way that may pass, since it was submitted or tried again by hand. */
  failures: number.default(0),
  deadline: number,
  started: number.optional(),
  completed: number.optional(),
  outputs: json(outputItems).optional(),
  metrics: json(runMetrics).optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  /** The job that it shares with others, until it gets one of its own. */
  job: z.string().optional(),
  /** Why it lies among the dead letters. */
  dead: z.enum(DEAD_REASONS).optional(),
  /** sha256 of the input, of dead letters. */
  digest: z.string().optional(),
  /** Input, or input and output, have been removed: their time was over, or the room was needed. */
  removed: z.literal('1').optional(),
  /** One line an event, the oldest forgotten first: what SSE tells. */
  log: z.string(),
});

export type PredictionRecord = { id: string } & RecordHead & z.infer<typeof recordState>;

/** Another build's, or damaged: to look again does not help. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
}

/** @throws UnreadableRecord */
export function parseRecord(id: string, hash: Record<string, string>): PredictionRecord {
  const { head = '', ...state } = hash;
  try {
    return { id, ...recordHead.parse(JSON.parse(head)), ...recordState.parse(state) };
  } catch (cause) {
    throw new UnreadableRecord(`the record of ${id} is not one of this build`, { cause });
  }
}

/** One line of a record's log. `id` counts up by one for each transition of the record. */
const recordEvent = z.tuple([number, number, z.enum(STATUSES), number]);

export interface RecordEvent {
  id: number;
  at: number;
  status: Status;
  generation: number;
}

/** A record's log: lines of `<id> <at> <status> <generation>`. */
export function parseLog(log: string): RecordEvent[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id, at, status, generation] = recordEvent.parse(line.split(' '));
      return { id, at, status, generation };
    });
}

/** A transition, told through the reply stream to gateways that watch the record. */
export const notice = z.object({
  v: z.literal(1),
  id: z.string(),
  status: z.enum(STATUSES),
  generation: z.number(),
  event: z.number(),
});
export type Notice = z.infer<typeof notice>;
