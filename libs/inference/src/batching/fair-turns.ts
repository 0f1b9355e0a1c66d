/**
 * Whose turn it is among versions that share run slots: start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair
 * Queuing, SIGCOMM 1996) over milliseconds of run time. Every batch has a start in virtual time, and the smallest start
 * is next; a version's next batch starts where its last one ended, or now if that is later.
 *
 * Invariants: of versions that always have something waiting each gets the same run time, up to one batch; one that has
 * been idle waits for at most one batch of each other; it gains nothing by having been idle.
 */
export class FairTurns {
  private readonly ends = new Map<string, number>();
  private now = 0;

  /** The start of what runs now. */
  get present(): number {
    return this.now;
  }

  /** Where the next batch of a version starts. */
  startOf(version: string): number {
    return Math.max(this.now, this.ends.get(version) ?? 0);
  }

  /** A batch that is expected to take `ms` is handed out. */
  take(version: string, ms: number): void {
    this.ends.set(version, this.startOf(version) + ms);
  }

  /** A batch with this start runs now. */
  ran(start: number): void {
    this.now = Math.max(this.now, start);
  }

  /** Nothing runs and nothing waits: what anyone has had until now is forgotten. */
  rest(): void {
    for (const end of this.ends.values()) this.now = Math.max(this.now, end);
    this.ends.clear();
  }

  forget(version: string): void {
    this.ends.delete(version);
  }
}
