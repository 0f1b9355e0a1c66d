/**
 * The line of batches in front of the run thread. When the thread is free it takes the batch whose turn it is and, from
 * right behind it, those that may share its run: they were handed over early so that their pictures are decoded
 * meanwhile, and one run of eight costs a tenth less than eight runs.
 *
 * Invariants: batches of one model run in the order in which they came; one that is still being prepared holds up those
 * of its model behind it and no others; several that share a run never have more rows than the first of them allows.
 */
import type { Model } from '../model.js';
import type { PreparedBatch } from '../batch.js';

export interface Lined {
  readonly batch: number;
  readonly model: Model;
  /** May share a run, of at most `most` rows. */
  readonly joins: boolean;
  readonly most: number;
  /** The smallest is next. */
  readonly turn: number;
  /** Undefined while it is being prepared. */
  prepared: PreparedBatch | undefined;
}

export class RunLine {
  private readonly waiting: Lined[] = [];
  private isBusy = false;

  /** `run` may not reject; `overtook` is told of a batch that runs before another which came earlier. */
  constructor(
    private readonly run: (together: Lined[]) => Promise<void>,
    private readonly overtook: (lined: Lined) => void,
  ) {}

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
    const head = this.next();
    if (!head) return [];
    const together = [head];
    let rows = head.prepared!.rows;
    for (const next of head.joins ? this.waiting : []) {
      if (next === head || next.model !== head.model) continue;
      if (!next.joins || !next.prepared || rows + next.prepared.rows > head.most) break;
      rows += next.prepared.rows;
      together.push(next);
    }
    if (this.waiting[0] !== head) this.overtook(head);
    for (const each of together) this.waiting.splice(this.waiting.indexOf(each), 1);
    return together;
  }

  /** Of the first batch of each model that which is ready and whose turn it is. */
  private next(): Lined | undefined {
    const seen = new Set<Model>();
    let best: Lined | undefined;
    for (const lined of this.waiting) {
      if (seen.has(lined.model)) continue;
      seen.add(lined.model);
      if (lined.prepared && (!best || lined.turn < best.turn)) best = lined;
    }
    return best;
  }
}
