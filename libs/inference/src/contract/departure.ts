/**
 * Departures: ids of predictions whose caller has gone, one entry of the `control` stream per gateway and tick.
 * Advice only: a prediction that is already in a batch runs on, and its reply is dropped as unknown.
 */
import { z } from 'zod';

/** Entries kept for workers that read late; a departure missed only costs the run of one unwanted row. */
export const CONTROL_STREAM_LENGTH = 1_000;

export const departures = z.object({ v: z.literal(1), ids: z.array(z.string()).max(1_024) });
export type Departures = z.infer<typeof departures>;
