/** Chance that can be repeated: the same seed draws the same numbers. */
export type Random = () => number;

/** mulberry32; `salt` gives each part a stream of its own, so that none depends on how often another draws. */
export function randomOf(seed: number, salt: string): Random {
  let state = seed;
  for (const letter of salt) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}

/** Pauses of a process without memory: no kill knows of the one before. */
export function pause(random: Random, meanMs: number): number {
  return -Math.log(1 - random()) * meanMs;
}
