/**
 * What a task is: how one input becomes tensor rows, and its rows of the outputs an answer. The four verbs see one
 * input at a time; batching, running and cutting up lie outside (batch.ts).
 *
 * Invariant: what is wrong with an input is thrown as a SluiceError, which fails that input alone.
 */
import type { ExecutorInput, OutputType } from '../../contract/executor-messages.js';
import type { TensorSpec } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Pixels } from '../image/pixels.js';
import type { Manifest } from '../../packages/manifest.js';

export type Decoded = { kind: 'tensors'; tensors: Tensor[] } | { kind: 'pixels'; pixels: Pixels };
export type Answer = { kind: 'tensors'; tensors: Tensor[] } | { kind: 'json'; value: unknown };

export interface Task {
  decode(input: ExecutorInput): Promise<Decoded>;
  /** One tensor for each input of the model, in the model's order. */
  preprocess(decoded: Decoded, rows: number): Tensor[];
  /** `outputs` hold the rows of this input only. */
  postprocess(outputs: Tensor[], input: ExecutorInput): Answer;
  encode(answer: Answer): { type: OutputType; bytes: Uint8Array };
  /** Sizes of the model's inputs for a trial run with zeros of one row; undefined where the file leaves them open. */
  trialShapes(): number[][] | undefined;
  /** Looks at what the trial run made. @throws Error with what to change in the package. */
  checkTrial(outputs: Tensor[]): void;
}

/** All that a task may know of its model. */
export interface TaskContext {
  manifest: Manifest;
  labels: string[] | undefined;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  batched: boolean;
}
