/**
 * How many attempts of a gateway go at once to one host, whatever endpoints it has, and how many of one owner, whatever
 * hosts. Endpoints are URLs, and one with the id of a job in its path is a new one each time, as a host may be under a
 * domain of one's own: without this those that hang would take all attempts that a gateway may have under way, each for
 * its whole time, and keep everybody else's waiting.
 *
 * Invariants: the slots of both are taken or refused together, at once; who is refused stands in line, and is woken when
 * both have room, or looks again by himself after `afterMs`, should another gateway have taken him; at one host owners
 * take turns, as hosts of one owner do; all lines together are bounded, and those of one owner leave others some.
 */

/** About 100 bytes each. */
const MOST_IN_LINE = 65_536;
const MOST_OF_OWNER = 49_152;
const FALLBACK_MS = 5_000;
/** Those in line do not look all at once. */
const SPREAD_MS = 20;
/** Who found the lines full, up to twice as long: they are many, and shall not come back together. */
const FAR_MS = 60_000;

export interface AttemptSlotsOptions {
  perOrigin: number;
  perOwner: number;
  /** For tests. */
  random?: () => number;
}

export type Slot =
  /** Answers jobs that are to be woken. */
  | { kind: 'taken'; release: () => string[] }
  /** `missed`: it has been called already. */
  | { kind: 'refused'; afterMs: number; missed: () => boolean };

/** A host or an owner. It is known while anything of it is under way or waits. */
class Holder {
  busy = 0;
  waiting = 0;
  /** By the name of the other, whose turn is next first. */
  readonly lines = new Map<string, Line>();

  constructor(
    readonly name: string,
    private readonly slots: number,
    private readonly all: Map<string, Holder>,
  ) {
    all.set(name, this);
  }

  get isFull(): boolean {
    return this.busy >= this.slots;
  }

  tidy(): void {
    if (this.busy === 0 && this.lines.size === 0) this.all.delete(this.name);
  }
}

/** What waits of one owner at one host. */
interface Line {
  origin: Holder;
  owner: Holder;
  jobs: Set<string>;
}

export class AttemptSlots {
  private readonly origins = new Map<string, Holder>();
  private readonly owners = new Map<string, Holder>();
  private inLine = 0;

  constructor(private readonly options: AttemptSlotsOptions) {}

  take(of: { origin: string; owner: string }, job: string): Slot {
    const { perOrigin, perOwner, random = Math.random } = this.options;
    const origin = this.origins.get(of.origin) ?? new Holder(of.origin, perOrigin, this.origins);
    const owner = this.owners.get(of.owner) ?? new Holder(of.owner, perOwner, this.owners);
    const line = origin.lines.get(owner.name) ?? { origin, owner, jobs: new Set() };
    this.leave(line, job);
    if (!origin.isFull && !owner.isFull) {
      occupy(line);
      return { kind: 'taken', release: () => this.released(line) };
    }
    if (this.inLine === MOST_IN_LINE || owner.waiting >= MOST_OF_OWNER) {
      tidy(line);
      return { kind: 'refused', afterMs: FAR_MS * (1 + random()), missed: () => false };
    }
    this.join(line, job);
    return { kind: 'refused', afterMs: FALLBACK_MS + SPREAD_MS * owner.waiting, missed: () => !line.jobs.has(job) };
  }

  private released(given: Line): string[] {
    vacate(given);
    // Each is counted as if it had come already until all are called.
    const called = [...this.call(given.origin), ...this.call(given.owner)];
    for (const { line } of called) vacate(line);
    for (const line of [given, ...called.map(({ line }) => line)]) tidy(line);
    return called.map(({ job }) => job);
  }

  /** As many as there is room for: of one who was called before, another gateway may have taken the turn. */
  private *call(holder: Holder): Generator<{ job: string; line: Line }> {
    for (const [name, line] of holder.lines) {
      if (holder.isFull) return;
      if (line.origin.isFull || line.owner.isFull) continue;
      const [job = ''] = line.jobs;
      occupy(line);
      this.leave(line, job);
      // Behind the others, where this loop finds it again.
      if (holder.lines.delete(name)) holder.lines.set(name, line);
      yield { job, line };
    }
  }

  private join(line: Line, job: string): void {
    const { origin, owner, jobs } = line;
    origin.lines.set(owner.name, line);
    owner.lines.set(origin.name, line);
    jobs.add(job);
    owner.waiting++;
    this.inLine++;
  }

  private leave({ origin, owner, jobs }: Line, job: string): void {
    if (!jobs.delete(job)) return;
    owner.waiting--;
    this.inLine--;
    if (jobs.size > 0) return;
    origin.lines.delete(owner.name);
    owner.lines.delete(origin.name);
  }
}

function occupy({ origin, owner }: Line): void {
  origin.busy++;
  owner.busy++;
}

function vacate({ origin, owner }: Line): void {
  origin.busy--;
  owner.busy--;
}

function tidy({ origin, owner }: Line): void {
  origin.tidy();
  owner.tidy();
}
