/**
 * The line of batches in front of the run thread. When the thread is free it takes the batch at the head and, from
 * right behind it, those that may share its run: they were handed over early so that their pictures are decoded
 * meanwhile, and one run of eight costs a tenth less than eight runs.
 *
 * Invariants: batches run in the order in which they came; a batch that is still being prepared holds up those behind
 * it and is waited for by none before it; several that share a run never have more rows than the first of them allows.
 */
import type { Model } from './model.js';
import type { PreparedBatch } from './batch.js';

export interface Lined {
  readonly batch: number;
  readonly model: Model;
  /** May share a run, of at most `most` rows. */
  readonly joins: boolean;
  readonly most: number;
  /** Undefined while it is being prepared. */
  prepared: PreparedBatch | undefined;
}

export class RunLine {
  private readonly waiting: Lined[] = [];
  private isBusy = false;

  /** `run` may not reject. */
  constructor(private readonly run: (together: Lined[]) => Promise<void>) {}

  add(lined: Lined): void {
    this.waiting.push(lined);
  }

  /** Something has been prepared. */
  advance(): void {
    if (this.isBusy) return;
    const together = this.take();
    if (together.length === 0) return;
    this.isBusy = true;
    void this.run(together).then(() => {
      this.isBusy = false;
      this.advance();
    });
  }

  private take(): Lined[] {
    const [head] = this.waiting;
    if (!head?.prepared) return [];
    const { most } = head;
    let rows = head.prepared.rows;
    let count = 1;
    for (const next of head.joins ? this.waiting.slice(1) : []) {
      if (next.model !== head.model || !next.joins || !next.prepared || rows + next.prepared.rows > most) break;
      rows += next.prepared.rows;
      count++;
    }
    return this.waiting.splice(0, count);
  }
}
