/**
 * Which execution provider got the nodes of a model's graph: what an executor tells its worker at every load.
 *
 * Of one worker, never of a model: the same package may lie on a GPU here and on the CPU beside it, so this is not
 * part of the description that the fleet shares.
 */
export type Placement =
  /** Nothing but the CPU was asked for, so nothing is counted. */
  | { kind: 'cpu' }
  | {
      kind: 'counted';
      /** Nodes that a trial run executed, by provider, each named as in SLUICE_PROVIDERS. */
      nodes: Record<string, number>;
      /** Of the CPU's nodes those that do real work, by operator; empty when it only computes shapes. */
      fallback: Record<string, number>;
    }
  | {
      /** No trial run is possible: zeros are no input of this model, or its free sizes cannot be 1. */
      kind: 'uncounted';
      /** onnxruntime has confirmed that it assigned no node of the main graph to the CPU. */
      cpuFree: boolean;
    };
