/** At most so many tasks at once; further ones wait their turn, first come first served. */
export class Permits {
  private readonly waiting: (() => void)[] = [];
  private begun = 0;
  private ended = 0;

  constructor(private free: number) {}

  /** From here on tells whether no task has been under way since. */
  quietSince(): () => boolean {
    const { begun, ended } = this;
    return () => begun === ended && this.begun === begun;
  }

  async use<Result>(task: () => Promise<Result>): Promise<Result> {
    this.begun++;
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      this.ended++;
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}
