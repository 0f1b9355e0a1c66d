/**
 * The `control` stream: what all workers are told at once. Departures are ids of predictions whose caller has gone, one
 * entry per gateway and tick; the rest says that the registry has changed, or that a version is wanted.
 *
 * Advice only: a prediction that is already in a batch runs on, and its reply is dropped as unknown; a change that was
 * missed is seen by the next heartbeat, which reads the registry's revision.
 */
import { z } from 'zod';

/** Entries kept for workers that read late; a departure missed only costs the run of one unwanted row. */
export const CONTROL_STREAM_LENGTH = 1_000;

export const controlMessage = z.object({
  v: z.literal(1),
  ids: z.array(z.string()).max(1_024).default([]),
  /** The registry's revision after a change. */
  registry: z.number().int().optional(),
  /** `<name>:<version>` that requests wait for. */
  wanted: z.array(z.string()).max(1_024).optional(),
});
export type ControlMessage = z.infer<typeof controlMessage>;
