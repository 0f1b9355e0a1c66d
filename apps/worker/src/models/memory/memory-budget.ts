/**
 * Which versions give way when another needs memory: the least recently used that is idle; when it has waited for long
 * and none is, the one that has been there longest.
 *
 * Invariants: a version stays for a time that its load is worth, so that requests which alternate between more versions
 * than there is room for spend most of it on answers; nothing gives way unless enough does.
 */
export interface Occupant {
  key: string;
  bytes: number;
  /** Nothing of it waits or runs. */
  isIdle: boolean;
  /** A route names it, so requests without a version may come any time. */
  isNamed: boolean;
  /** Milliseconds by one clock. */
  readyAt: number;
  usedAt: number;
  loadMs: number;
}

export interface Need {
  bytes: number;
  now: number;
  /** Versions that are busy may be told to go too. */
  isUrgent: boolean;
}

/** A busy version stays for so long at least, or as many times as its load took, up to a limit. */
const BUSY = { shortest: 2_000, worth: 4, longest: 15_000 };
/** One that is idle makes room as soon as its load was worth it. */
const IDLE = { shortest: 500, worth: 1, longest: 5_000 };

/** Milliseconds that a version stays once it is ready. */
export function stayMs({ loadMs, isIdle }: Pick<Occupant, 'loadMs' | 'isIdle'>): number {
  const { shortest, worth, longest } = isIdle ? IDLE : BUSY;
  return Math.min(longest, Math.max(shortest, worth * loadMs));
}

/** Versions whose memory, given up, makes room for `bytes` more; undefined when there are none. */
export function giveWay(occupants: readonly Occupant[], { bytes, now, isUrgent }: Need): string[] | undefined {
  const settled = occupants.filter((each) => now - each.readyAt >= stayMs(each));
  const idle = settled.filter(({ isIdle }) => isIdle);
  idle.sort((a, b) => Number(a.isNamed) - Number(b.isNamed) || a.usedAt - b.usedAt);
  const busy = isUrgent ? settled.filter(({ isIdle }) => !isIdle) : [];
  busy.sort((a, b) => a.readyAt - b.readyAt);
  const chosen: Occupant[] = [];
  let freed = 0;
  for (const each of [...idle, ...busy]) {
    if (freed >= bytes) break;
    chosen.push(each);
    freed += each.bytes;
  }
  if (freed < bytes) return undefined;
  // A small one that came first may stay where a large one behind it is enough.
  return chosen
    .filter((each) => {
      if (freed - each.bytes < bytes) return true;
      freed -= each.bytes;
      return false;
    })
    .map(({ key }) => key);
}
