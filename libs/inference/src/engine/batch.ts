/**
 * Batches on their way: inputs to tensors, the tensors of one or several batches to as few runs as their shapes allow,
 * and their outputs back to one answer for each input.
 *
 * Invariants: an input that fails while it is prepared or read fails alone and its neighbours run; every input has
 * exactly one result, in order; rows are handed out only if the model gave as many as it got.
 */
import type { ExecutorInput, ExecutorResult } from '../contract/executor-messages.js';
import { toSluiceError } from '../errors.js';
import { concatRows, sliceRows, signatureOf, type Tensor } from '../tensor/frame.js';
import type { Model } from './model.js';
import type { Permit } from './permits.js';
import { checkTaken } from './taken.js';
import type { Prepared } from './tasks/task.js';
import { Turns } from './turns.js';

/** Of this process, for the main thread is all models'. */
const texts = new Turns();

type Failure = Extract<ExecutorResult, { ok: false }>;
/** `run` and `from`: where its rows are, once it is joined. */
type Ready = { ok: true; run: number; from: number; preprocessMs: number } & Prepared<unknown>;
type Slot = Failure | Ready;

export interface PreparedBatch {
  inputs: readonly ExecutorInput[];
  slots: Slot[];
  /** Of the inputs that are left to run. */
  rows: number;
  prepareMs: number;
}

/** What is given to one run. */
export interface Feeds {
  feeds: Tensor[];
  rows: number;
}

/** What one run gave. */
export interface Ran {
  outputs: readonly Tensor[];
  rows: number;
}

export interface FinishedBatch {
  results: ExecutorResult[];
  bytes: Uint8Array;
}

export async function prepareBatch(
  model: Model,
  inputs: readonly ExecutorInput[],
  decodes: Permit,
): Promise<PreparedBatch> {
  const start = performance.now();
  const slots = await Promise.all(
    inputs.map((input) => {
      const prepare = (): Promise<Slot> => prepareInput(model, input);
      // Decoded pixels are what memory goes to: only so many at a time.
      if (input.type === 'image') return decodes.use(prepare);
      return input.type === 'text' ? texts.use(prepare) : prepare();
    }),
  );
  const rows = slots.reduce((sum, slot, i) => sum + (slot.ok ? inputs[i]!.rows : 0), 0);
  return { inputs, slots, rows, prepareMs: performance.now() - start };
}

/**
 * The batches' tensors, end to end: one run for all that agree in shape, as pictures of free size need not. They are
 * taken out of the batches. Empty when there is nothing to run.
 */
export function joinBatches(model: Model, batches: readonly PreparedBatch[]): Feeds[] {
  const { batched } = model.description;
  const runs: { parts: Tensor[][]; rows: number; signature: string }[] = [];
  for (const { inputs, slots } of batches) {
    slots.forEach((slot, i) => {
      if (!slot.ok) return;
      // A task that joins by itself takes whatever comes together.
      const signature = model.task.join ? '' : signatureOf(slot.tensors, batched);
      const found = batched || model.task.join ? runs.findIndex((run) => run.signature === signature) : -1;
      slot.run = found < 0 ? runs.push({ parts: [], rows: 0, signature }) - 1 : found;
      const run = runs[slot.run]!;
      slot.from = run.rows;
      run.rows += inputs[i]!.rows;
      run.parts.push(slot.tensors);
      slot.tensors = [];
    });
  }
  return runs.map(({ parts, rows }) => ({ feeds: join(model, parts), rows }));
}

/**
 * One batch's share of the outputs of the runs that its inputs were joined to. One answer is made at a time, for some
 * are as large as pictures.
 * @throws Error when the model's outputs do not have the run's rows.
 */
export async function finishBatch(model: Model, prepared: PreparedBatch, runs: readonly Ran[]): Promise<FinishedBatch> {
  const { inputs, slots } = prepared;
  const { batched } = model.description;
  if (batched) runs.forEach(checkRows);
  const parts: Uint8Array[] = [];
  const results: ExecutorResult[] = [];
  let offset = 0;
  for (const [i, slot] of slots.entries()) {
    if (!slot.ok) {
      results.push(slot);
      continue;
    }
    try {
      const input = inputs[i]!;
      const { outputs } = runs[slot.run]!;
      const own = batched
        ? outputs.map((output) => sliceRows(output, slot.from, slot.from + input.rows))
        : [...outputs];
      const { type, bytes } = model.task.encode(await model.task.postprocess(own, input, slot.memo));
      const result = { ok: true, type, offset, length: bytes.byteLength, preprocessMs: slot.preprocessMs } as const;
      // Frames are read without a copy only where they begin at a multiple of 8.
      const padding = -bytes.byteLength & 7;
      parts.push(bytes, new Uint8Array(padding));
      offset += bytes.byteLength + padding;
      results.push(result);
    } catch (error) {
      results.push(failureOf(error));
    }
  }
  return { results, bytes: Buffer.concat(parts, offset) };
}

async function prepareInput(model: Model, input: ExecutorInput): Promise<Slot> {
  const start = performance.now();
  try {
    checkTaken(input, model.description.task);
    const prepared = model.task.preprocess(await model.task.decode(input), input.rows);
    return { ok: true, ...prepared, run: 0, from: 0, preprocessMs: performance.now() - start };
  } catch (error) {
    return failureOf(error);
  }
}

/** The parts as one tensor for each input of the model, in memory of their own, for it is given away to the run. */
function join({ task }: Model, parts: readonly Tensor[][]): Tensor[] {
  if (task.join) return task.join(parts);
  const [first] = parts as [Tensor[]];
  if (parts.length === 1) return first.map(owned);
  return first.map((_, input) => concatRows(parts.map((tensors) => tensors[input]!)));
}

function checkRows({ outputs, rows }: Ran): void {
  const odd = outputs.find(({ shape }) => shape[0] !== rows);
  if (!odd) return;
  throw new Error(
    `The model's output "${odd.name}" has shape [${odd.shape.join(',')}] for ${rows} rows; expected ${rows} rows.` +
      ' A model whose rows depend on each other cannot be batched: fix its batch axis at 1.',
  );
}

function owned(tensor: Tensor): Tensor {
  const { data } = tensor;
  if (Array.isArray(data) || data.byteLength === data.buffer.byteLength) return tensor;
  return { ...tensor, data: data.slice() };
}

function failureOf(error: unknown): Failure {
  const { code, message } = toSluiceError(error);
  if (code === 'INTERNAL') process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return { ok: false, code, message };
}
