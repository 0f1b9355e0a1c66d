/** Time as the batcher sees it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds; only differences and comparisons with deadlines of the same clock mean anything. */
  now(): number;
}
