/**
 * What a task is: how one input becomes tensor rows, and its rows of the outputs an answer. The four verbs see one
 * input at a time; batching, running and cutting up lie outside (batch.ts).
 *
 * Invariant: what is wrong with an input is thrown as a SluiceError, which fails that input alone.
 */
import type { ExecutorInput, OutputType } from '../../contract/executor-messages.js';
import type { TaskName, TensorSpec, TextLimits } from '../../contract/model-description.js';
import type { ManifestOf } from '../../packages/manifest.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Pixels } from '../image/pixels.js';
import type { TokenRow } from '../text/encoder.js';

export type Decoded =
  { kind: 'tensors'; tensors: Tensor[] } | { kind: 'pixels'; pixels: Pixels } | { kind: 'tokens'; row: TokenRow };

export type Answer = { kind: 'tensors'; tensors: Tensor[] } | { kind: 'json'; value: unknown };
export interface Encoded {
  type: OutputType;
  bytes: Uint8Array;
}

/** An input that is ready to run. */
export interface Prepared<Memo> {
  /** One tensor for each input of the model, in the model's order. */
  tensors: Tensor[];
  /** What of the input its answer needs beside the outputs. It is kept while the batch runs, so never its pixels. */
  memo?: Memo;
}

export interface Task<Memo = unknown> {
  /** Whether axis 0 of inputs and outputs counts rows, where the task knows it better than the model's file says it. */
  batched?: boolean;
  decode(input: ExecutorInput): Promise<Decoded>;
  preprocess(decoded: Decoded, rows: number): Prepared<Memo>;
  /** The tensors of a run out of those of its inputs, where they may differ in shape; unset: end to end. */
  join?(parts: readonly (readonly Tensor[])[]): Tensor[];
  /** `outputs` hold the rows of this input only; `memo` is what its preprocessing left. */
  postprocess(outputs: Tensor[], input: ExecutorInput, memo: Memo | undefined): Answer | Promise<Answer>;
  encode(answer: Answer): Encoded;
  /** Sizes of the model's inputs for a trial run with zeros of one row; undefined where the file leaves them open. */
  trialShapes(): number[][] | undefined;
  /** Looks at what the trial run made. @throws Error with what to change in the package. */
  checkTrial(outputs: Tensor[]): void;
  /** What the trial run's failure may come from. */
  advice?: string;
  /** Of models that take texts. */
  text?: TextLimits;
  /** Rows may not share a run, whatever the model's axes say. */
  alone?: boolean;
}

/** All that a task may know of its model. */
export interface TaskContext<Name extends TaskName = TaskName> {
  manifest: ManifestOf<Name>;
  /** Names by class index; those of a detector or segmenter may have gaps. */
  labels: string[] | undefined;
  /** The tokenizer's file as parsed, of models that take texts. */
  tokenizer: unknown;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  /** What the model's file says of it. */
  batched: boolean;
}

export function jsonOf(answer: Answer): Encoded {
  if (answer.kind !== 'json') throw new Error('This task answers with JSON.');
  return { type: 'json', bytes: Buffer.from(JSON.stringify(answer.value)) };
}
