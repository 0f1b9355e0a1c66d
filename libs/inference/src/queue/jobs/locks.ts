/** How every BullMQ worker of ours holds its jobs; safe, for no thread that renews locks runs native code. */
export const LOCKS = {
  /** A dead worker's jobs are taken over after at most lock + 2 checks; measured 4.7-8.5 s. */
  lockDuration: 5_000,
  stalledInterval: 2_500,
  /** Margin for deaths of workers; poison never counts here, for it kills an executor and not the worker. */
  maxStalledCount: 5,
};
