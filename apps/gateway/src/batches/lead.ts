/**
 * How far the rows of an upload are ahead of those that have run: in time, by how fast rows have ended lately.
 *
 * Invariant: nothing is said before MEASURED_MS have been seen.
 */
const MEASURED_MS = 500;
/** After so long the rate is measured anew. */
const WINDOW_MS = 10_000;
/** With so much work at hand nobody is kept waiting by an upload that takes its time. */
const LONG_MS = 5_000;

interface Seen {
  at: number;
  ended: number;
}

export class Lead {
  private from: Seen | undefined;
  private last: Seen | undefined;
  private leftMs = 0;

  /** `left` of the `committed` rows have not ended by `at`, in ms. */
  note({ at, committed, left }: { at: number; committed: number; left: number }): void {
    const seen = { at, ended: committed - left };
    if (!this.from) this.from = seen;
    else if (at - this.from.at > WINDOW_MS) this.from = this.last;
    this.last = seen;
    const tookMs = at - this.from!.at;
    if (tookMs < MEASURED_MS) return;
    this.leftMs = (left * tookMs) / Math.max(0, seen.ended - this.from!.ended);
  }

  get isLong(): boolean {
    return this.leftMs > LONG_MS;
  }
}
