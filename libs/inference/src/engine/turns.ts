/**
 * Work that keeps the main thread busy, one piece at a time: between pieces, after a few milliseconds of them, the
 * process gets to its messages, so that a batch of texts holds up no other model by more than its longest text.
 */
import { setImmediate as breath } from 'node:timers/promises';
import { Permits } from './permits.js';

/** Milliseconds that pieces follow each other for without a breath. */
const STINT_MS = 8;

export class Turns {
  private readonly turn = new Permits(1);
  private stintMs = 0;

  use<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.turn.use(async () => {
      if (this.stintMs > STINT_MS) {
        await breath();
        this.stintMs = 0;
      }
      const begun = performance.now();
      try {
        return await work();
      } finally {
        this.stintMs += performance.now() - begun;
      }
    });
  }
}
