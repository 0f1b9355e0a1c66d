/**
 * What one loaded copy of a version takes in memory, as well as it is known: never less than its files and a session, else
 * what its verification measured and what executors grew by when they loaded it and ran it first.
 *
 * What a process grows by is a rough measure. A model that follows another takes over what that one has left, so of
 * several loads the largest counts; and what lies beyond any reason is somebody else's.
 */
const KEPT = 5;
/** What a session of a model of a few bytes takes. */
const SESSION_BYTES = 450_000;
/** Weights as they are read, as they are laid out for the processor, and as much again; a thread and its heap. */
const REASON = { perByte: 3, more: 16_000_000 };

export class MemoryUse {
  /** Bytes of the package's files, once known. */
  files = 0;
  /** Bytes that its verification measured. */
  verified = 0;
  private readonly loads: number[] = [];
  private readonly runs = new Map<unknown, number>();

  /** Bytes of a copy. */
  get bytes(): number {
    const { files, verified, loads, runs } = this;
    const loaded = Math.min(Math.max(0, ...loads), REASON.perByte * files + REASON.more);
    return Math.max(files + SESSION_BYTES, verified, loaded + Math.max(0, ...runs.values()));
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
