/**
 * Inputs through the same steps as in service, from bytes to raw outputs: what is verified is what is served.
 *
 * Invariant: an input that the task itself refuses and a run that fails are told apart by nobody here; both are an Error
 * with a message.
 */
import type { ExecutorInput, ExecutorResult } from '../../contract/executor-messages.js';
import { signatureOf, sliceRows, type Tensor } from '../../tensor/frame.js';
import { finishBatch, joinBatches, prepareBatch, type PreparedBatch } from '../batch.js';
import type { Model, Runner } from '../model.js';
import { Permits } from '../permits.js';
import { RunTimes } from './run-times.js';

export interface Ran {
  outputs: Tensor[];
  rows: number;
  inferMs: number;
}

/** Rows that ran together. */
export interface RowsRan extends Ran {
  /** What each row came to, as may be compared with what it comes to in another run. */
  byRow: () => Promise<Tensor[][]>;
}

export class RowRunner {
  /** Of all runs: what a further one will take. */
  readonly times = new RunTimes();
  /** Of runs of alike rows: how the time depends on their number. */
  readonly alike = new RunTimes();
  private typical: ExecutorInput | undefined;
  private readonly decodes = new Permits(1);

  constructor(
    readonly model: Model,
    private readonly runner: Runner,
  ) {}

  /** Each input is one row. @throws Error when one is refused, or the run fails. */
  async run(inputs: readonly ExecutorInput[]): Promise<RowsRan> {
    const prepared = await this.prepare(inputs);
    const ran = await this.runPrepared(prepared);
    const isAlike = this.model.task.join === undefined || inputs.every((input) => input === this.typical);
    if (isAlike) this.alike.record(ran.rows, ran.inferMs);
    return { ...ran, byRow: () => this.byRow(prepared, ran) };
  }

  /** What the service answers to an input: JSON, or the raw outputs alone. @throws as `run`. */
  async answer(input: ExecutorInput): Promise<{ ran: Ran; json: unknown }> {
    const prepared = await this.prepare([input]);
    const ran = await this.runPrepared(prepared);
    const [json] = await this.answers(prepared, ran);
    return { ran, json };
  }

  /** Rows that a task joins may be of any length: only runs of this one tell how the time depends on their number. */
  timeBy(row: ExecutorInput): void {
    this.typical = row;
  }

  /** What rows must have in common to share a run. @throws Error when it is refused. */
  async signature(input: ExecutorInput): Promise<string> {
    const [slot] = (await this.prepare([input])).slots;
    // A task that joins rows takes them as they are.
    return slot?.ok && !this.model.task.join ? signatureOf(slot.tensors, this.model.description.batched) : '';
  }

  private async prepare(inputs: readonly ExecutorInput[]): Promise<PreparedBatch> {
    const prepared = await prepareBatch(this.model, inputs, this.decodes);
    for (const slot of prepared.slots) if (!slot.ok) throw new Error(slot.message);
    return prepared;
  }

  private async runPrepared(prepared: PreparedBatch): Promise<Ran> {
    const [joined, ...others] = joinBatches(this.model, [prepared]);
    if (!joined || others.length > 0) throw new Error('The inputs differ in shape and cannot share a run.');
    const { feeds, rows } = joined;
    const outcome = await this.runner.run(this.model.session, feeds);
    this.times.record(rows, outcome.inferMs);
    return { ...outcome, rows };
  }

  private async byRow(prepared: PreparedBatch, ran: Ran): Promise<Tensor[][]> {
    const { outputs, rows } = ran;
    const { task, description } = this.model;
    if (!description.batched) return [outputs];
    // Vectors of tokens are as many as the longest text of the run has; what is made of them is not.
    if (task.text && outputs.some(({ shape }) => shape.length > 2)) {
      return (await this.answers(prepared, ran)).map((json) => [vectorOf(json)]);
    }
    return Array.from({ length: rows }, (_, row) => outputs.map((output) => sliceRows(output, row, row + 1)));
  }

  private async answers(prepared: PreparedBatch, ran: Ran): Promise<unknown[]> {
    const { results, bytes } = await finishBatch(this.model, prepared, [ran]);
    return results.map((result) => answerOf(result, bytes));
  }
}

function answerOf(result: ExecutorResult, bytes: Uint8Array): unknown {
  if (!result.ok) throw new Error(result.message);
  if (result.type !== 'json') return undefined;
  return JSON.parse(Buffer.from(bytes).toString('utf8', result.offset, result.offset + result.length)) as unknown;
}

/** The numbers of an answer, however they are called. */
function vectorOf(json: unknown): Tensor {
  const numbers: number[] = [];
  const gather = (value: unknown): void => {
    if (typeof value === 'number') numbers.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(gather);
  };
  gather(json);
  return { name: 'answer', dtype: 'float32', shape: [1, numbers.length], data: Float32Array.from(numbers) };
}
