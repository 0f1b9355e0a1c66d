/**
 * What one loaded copy of a version takes in memory, as well as it is known: never less than its files and a session, else
 * what its verification measured and what executors grew by when they loaded it and ran it first.
 *
 * What a process grows by is a rough measure (what one model leaves, the next one uses), hence a median of several.
 */
const KEPT = 5;
/** What a session of a model of a few bytes takes. */
const SESSION_BYTES = 450_000;

export class MemoryUse {
  /** Bytes of the package's files, once known. */
  files = 0;
  /** Bytes that its verification measured. */
  verified = 0;
  private readonly loads: number[] = [];
  private readonly runs = new Map<unknown, number>();

  /** Bytes of a copy. */
  get bytes(): number {
    return Math.max(this.files + SESSION_BYTES, this.verified, median(this.loads) + Math.max(0, ...this.runs.values()));
  }

  loaded(grownBytes: number): void {
    this.loads.push(grownBytes);
    if (this.loads.length > KEPT) this.loads.shift();
    // Its first runs are to come again.
    this.runs.clear();
  }

  /** In a run on `slot`, one of its first. */
  ran(slot: unknown, grownBytes: number): void {
    this.runs.set(slot, (this.runs.get(slot) ?? 0) + grownBytes);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
