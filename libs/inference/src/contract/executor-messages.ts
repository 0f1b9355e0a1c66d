/**
 * What passes between a worker and its executor child over the child-process channel (advanced serialization, so
 * bytes travel as bytes). Both ends are always the same build on the same machine; hence types, no schema.
 *
 * Invariant: every `load` is answered by `loaded` or `refused`, every `unload` by `unloaded`, every `run` by `ran` or
 * `broke`, unless the executor dies, which the worker sees as the child's exit.
 */
import type { ErrorCode } from '../errors.js';
import type { InputType } from './input-type.js';
import type { ModelDescription } from './model-description.js';
import type { Placement } from './placement.js';

export type OutputType = 'tensors' | 'json';

export interface ExecutorInput {
  type: InputType;
  rows: number;
  bytes: Uint8Array;
}

export interface RunOrder {
  batch: number;
  model: string;
  inputs: ExecutorInput[];
  /** It may share a run of at most `most` rows with those before and behind it. */
  joins: boolean;
  most: number;
  /** What waits runs by it, the smallest first, and of one model in the order in which it came. */
  turn: number;
}

export type ToExecutor =
  | { kind: 'load'; call: number; directory: string }
  /** Runs of the model that came before it are still done. */
  | { kind: 'unload'; call: number; model: string }
  | ({ kind: 'run' } & RunOrder)
  | { kind: 'stop' };

export type ExecutorResult =
  | { ok: true; type: OutputType; offset: number; length: number; preprocessMs: number }
  | { ok: false; code: ErrorCode; message: string };

/** The run of a batch, which it may have shared with others. */
export interface SharedRun {
  rows: number;
  inferMs: number;
  /** True for one of the batches that shared it. */
  leads: boolean;
  /** Bytes by which the process grew in it: of the first runs of a model, where nothing else was under way. */
  grownBytes?: number;
}

export interface LoadedModel {
  description: ModelDescription;
  placement: Placement;
  /** Bytes by which the process grew for it; absent when something else may have been the reason. */
  grownBytes?: number;
}

export type FromExecutor =
  /** The run thread is up and its providers are there; loads may come. */
  | { kind: 'ready'; providers: string[] }
  /** The executor cannot start at all; it exits after this. */
  | { kind: 'unable'; message: string }
  | ({ kind: 'loaded'; call: number } & LoadedModel)
  | { kind: 'refused'; call: number; message: string }
  /** Its memory is free. */
  | { kind: 'unloaded'; call: number }
  /** It runs now, before others that came earlier. */
  | { kind: 'overtook'; batch: number }
  /** One result per input, in order; `bytes` holds all outputs, which results cut up by offset and length. */
  | { kind: 'ran'; batch: number; results: ExecutorResult[]; bytes: Uint8Array; prepareMs: number; run: SharedRun }
  /** The run itself failed: no input of the batch has an answer, and any of them, or of those it shared with, may be why. */
  | { kind: 'broke'; batch: number; message: string; shared: boolean };

/** What an executor's environment has beside the worker's; both must be there before it starts. */
export const EXECUTOR_ENV = {
  // Unless told, onnxruntime reports its use to its maker.
  ORT_DISABLE_TELEMETRY: '1',
  // glibc: weights get pages of their own, which go back to the system with their model. By default it learns from the
  // first large block that is freed to keep the next ones: a model of 47 MB then left 80 MB behind. Others ignore it.
  MALLOC_MMAP_THRESHOLD_: '1048576',
} as const;

/** What an executor child is started with. */
export interface ExecutorSettings {
  threads: number;
  providers: string[];
  /** Models are served even where nodes run on the CPU that another provider was asked for. */
  cpuFallback?: boolean;
  /** Served last by the system: what it does takes as long as others leave it. */
  isBackground?: boolean;
  /** Numbers of the processors that it runs on; unset: any. */
  processors?: number[];
}
