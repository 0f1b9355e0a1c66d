/**
 * What passes between an executor's main thread and its run thread. Tensors' buffers are transferred, not copied.
 *
 * Invariant: every call is answered once, by its own answer or by `failed`, in the order in which calls came.
 */
import type { TensorSpec } from '../../contract/model-description.js';
import type { Placement } from '../../contract/placement.js';
import type { Tensor } from '../../tensor/frame.js';

export interface SessionInfo {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** Runs are profiled until `place`. */
  watched: boolean;
}

export type ToRunThread =
  | { kind: 'open'; call: number; session: number; path: string }
  | { kind: 'run'; call: number; session: number; feeds: Tensor[] }
  /** Where the nodes lie; `tried` says that a whole run has succeeded. */
  | { kind: 'place'; call: number; session: number; tried: boolean }
  | { kind: 'release'; call: number; session: number }
  /** Ends the thread once all calls before it are answered. */
  | { kind: 'close' };

export type FromRunThread =
  | { kind: 'ready' }
  | { kind: 'unable'; message: string }
  | { kind: 'opened'; call: number; info: SessionInfo }
  | { kind: 'ran'; call: number; outputs: Tensor[]; inferMs: number }
  | { kind: 'placed'; call: number; placement: Placement }
  | { kind: 'released'; call: number }
  | { kind: 'failed'; call: number; message: string };

/** The buffers of tensors, each once. Strings have none and are cloned. */
export function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) if (!Array.isArray(data)) buffers.add(data.buffer as ArrayBuffer);
  return [...buffers];
}
