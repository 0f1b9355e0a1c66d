/**
 * What a task is: how one input becomes tensor rows, and its rows of the outputs an answer. The four verbs see one
 * input at a time; batching, running and cutting up lie outside (batch.ts).
 *
 * Invariant: what is wrong with an input is thrown as a SluiceError, which fails that input alone.
 */
import type { ExecutorInput, OutputType } from '../../contract/executor-messages.js';
import type { TensorSpec, TextLimits } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Pixels } from '../image/pixels.js';
import type { Manifest } from '../../packages/manifest.js';
import type { Mask } from './pooling.js';

import type { TokenRow } from '../text/encoder.js';

export type Decoded =
  { kind: 'tensors'; tensors: Tensor[] } | { kind: 'pixels'; pixels: Pixels } | { kind: 'tokens'; row: TokenRow };

/** What an answer must know of its input beside the outputs. */
export interface Note {
  /** Of texts: their tokens among those of the run. */
  mask?: Mask;
  /** Of texts: whether something was cut off. */
  cut?: boolean;
}

export interface Prepared {
  /** One for each input of the model, in the model's order. */
  tensors: Tensor[];
  note?: Note;
}

export type Answer = { kind: 'tensors'; tensors: Tensor[] } | { kind: 'json'; value: unknown };

export interface Task {
  decode(input: ExecutorInput): Promise<Decoded>;
  preprocess(decoded: Decoded, rows: number): Prepared;
  /** The tensors of a run out of those of its inputs, where they may differ in shape; unset: end to end. */
  join?(parts: readonly (readonly Tensor[])[]): Tensor[];
  /** `outputs` hold the rows of this input only. */
  postprocess(outputs: Tensor[], input: ExecutorInput, note?: Note): Answer;
  encode(answer: Answer): { type: OutputType; bytes: Uint8Array };
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
export interface TaskContext {
  manifest: Manifest;
  labels: string[] | undefined;
  /** The tokenizer's file as parsed, of models that take texts. */
  tokenizer: unknown;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  batched: boolean;
}
