/**
 * Inputs through the same steps as in service, from bytes to raw outputs: what is verified is what is served.
 *
 * Invariant: an input that the task itself refuses and a run that fails are told apart by nobody here; both are an Error
 * with a message.
 */
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { signatureOf, type Tensor } from '../../tensor/frame.js';
import { finishBatch, joinBatches, prepareBatch, type PreparedBatch } from '../batch.js';
import type { Model, Runner } from '../model.js';
import { Permits } from '../permits.js';
import { RunTimes } from './run-times.js';

export interface Ran {
  outputs: Tensor[];
  rows: number;
  inferMs: number;
}

export class RowRunner {
  readonly times = new RunTimes();
  private readonly decodes = new Permits(1);

  constructor(
    readonly model: Model,
    private readonly runner: Runner,
  ) {}

  /** @throws Error when an input is refused, or the run fails. */
  async run(inputs: readonly ExecutorInput[]): Promise<Ran> {
    return this.runPrepared(await this.prepare(inputs));
  }

  /** The same, with what the service answers to each input: JSON, or tensors as they are. */
  async answer(input: ExecutorInput): Promise<{ ran: Ran; json: unknown }> {
    const prepared = await this.prepare([input]);
    const ran = await this.runPrepared(prepared);
    const { results, bytes } = await finishBatch(this.model, prepared, ran);
    const [result] = results;
    if (!result?.ok) throw new Error(result?.message ?? 'The model gave no answer.');
    const text = Buffer.from(bytes).toString('utf8', result.offset, result.offset + result.length);
    return { ran, json: result.type === 'json' ? (JSON.parse(text) as unknown) : undefined };
  }

  /** What inputs must have in common to share a run. @throws Error when it is refused. */
  async signature(input: ExecutorInput): Promise<string> {
    const [slot] = (await this.prepare([input])).slots;
    return slot?.ok ? signatureOf(slot.tensors, this.model.description.batched) : '';
  }

  private async prepare(inputs: readonly ExecutorInput[]): Promise<PreparedBatch> {
    const prepared = await prepareBatch(this.model, inputs, this.decodes);
    for (const slot of prepared.slots) if (!slot.ok) throw new Error(slot.message);
    return prepared;
  }

  private async runPrepared(prepared: PreparedBatch): Promise<Ran> {
    const { feeds, rows } = joinBatches(this.model, [prepared]);
    const outcome = await this.runner.run(this.model.session, feeds);
    this.times.record(rows, outcome.inferMs);
    return { ...outcome, rows };
  }
}
