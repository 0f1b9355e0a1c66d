/**
 * How far the rows of an upload are ahead of those that have run: in time, by how fast rows have ended lately.
 *
 * Invariants: before MEASURED_MS have been seen it is what is left of the lead with which the last upload for the same
 * version ended; of so many versions that is remembered and no more, nor for longer than a minute.
 */
const MEASURED_MS = 500;
/** After so long the rate is measured anew. */
const WINDOW_MS = 10_000;
/** With so much work at hand nobody is kept waiting by an upload that takes its time. */
const LONG_MS = 5_000;

const MAX_VERSIONS = 1_024;
const REMEMBERED_MS = 60_000;

interface Seen {
  at: number;
  ended: number;
}

export class Lead {
  private from: Seen | undefined;
  private last: Seen | undefined;
  private measured = false;

  constructor(private leftMs = 0) {}

  /** `left` of the `committed` rows have not ended by `at`, in ms. */
  note({ at, committed, left }: { at: number; committed: number; left: number }): void {
    const seen = { at, ended: committed - left };
    if (!this.from) this.from = seen;
    else if (at - this.from.at > WINDOW_MS) this.from = this.last;
    this.last = seen;
    const tookMs = at - this.from!.at;
    if (tookMs < MEASURED_MS) return;
    this.measured = true;
    this.leftMs = (left * tookMs) / Math.max(0, seen.ended - this.from!.ended);
  }

  get isLong(): boolean {
    return this.leftMs > LONG_MS;
  }

  /** Undefined where too little has been seen to say. */
  get measuredMs(): number | undefined {
    return this.measured ? this.leftMs : undefined;
  }
}

/** When the rows of the last upload for a version will have run. */
export class Leads {
  private readonly until = new Map<string, number>();

  begin(version: string, at: number): Lead {
    return new Lead(Math.max(0, (this.until.get(version) ?? 0) - at));
  }

  end(version: string, { measuredMs }: Lead, at: number): void {
    if (measuredMs === undefined) return;
    this.until.delete(version);
    this.until.set(version, at + Math.min(REMEMBERED_MS, measuredMs));
    for (const oldest of this.until.keys()) {
      if (this.until.size <= MAX_VERSIONS) break;
      this.until.delete(oldest);
    }
  }
}
