/** Numbers by chance, the same ones every time. Source: Mulberry32 (Tommy Ettinger); normal ones by Box and Muller. */
export class Random {
  constructor(private state: number) {}

  /** At least 0, below 1. */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A whole number from 0 to `high`, both included. */
  upTo(high: number): number {
    return Math.floor(this.uniform() * (high + 1));
  }
}
