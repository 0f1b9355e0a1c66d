/**
 * How many attempts go to one host at once, whatever endpoints it has. Endpoints are URLs, and one with the id of a job in
 * its path is a new one each time: without this a host that hangs would take all attempts that a gateway may have under
 * way, each for its whole time, and keep everybody else's waiting.
 *
 * Invariants: a slot is taken or refused at once; who is refused stands in line and is woken when one is given back, or
 * looks again by himself after `afterMs`, should another gateway have taken him; lines are bounded, and gone with the last.
 */

/** As many as connections are opened to one origin (egress.ts). */
const SLOTS = 8;
const MOST_IN_LINE = 1_024;
const FALLBACK_MS = 5_000;
/** Those in line do not look all at once. */
const SPREAD_MS = 20;
/** Who found the line full. */
const FAR_MS = 60_000;

interface Origin {
  busy: number;
  line: Set<string>;
}

export type Slot =
  /** Answers jobs that are to be woken. */
  | { kind: 'taken'; release: () => string[] }
  /** `missed`: it has been called already. */
  | { kind: 'refused'; afterMs: number; missed: () => boolean };

export class OriginSlots {
  private readonly origins = new Map<string, Origin>();

  take(name: string, job: string): Slot {
    const origin = this.origins.get(name) ?? { busy: 0, line: new Set() };
    this.origins.set(name, origin);
    const { line } = origin;
    line.delete(job);
    if (origin.busy < SLOTS) {
      origin.busy++;
      return { kind: 'taken', release: () => this.released(name, origin) };
    }
    if (line.size === MOST_IN_LINE) return { kind: 'refused', afterMs: FAR_MS, missed: () => false };
    line.add(job);
    return { kind: 'refused', afterMs: FALLBACK_MS + SPREAD_MS * line.size, missed: () => !line.has(job) };
  }

  private released(name: string, origin: Origin): string[] {
    origin.busy--;
    // As many as there is room for: of one who was woken before, another gateway may have taken the turn.
    const called = [...origin.line].slice(0, SLOTS - origin.busy);
    for (const job of called) origin.line.delete(job);
    if (origin.busy === 0 && origin.line.size === 0) this.origins.delete(name);
    return called;
  }
}
