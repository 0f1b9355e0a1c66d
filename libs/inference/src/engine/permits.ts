/** At most so many tasks at once; further ones wait, the one with the smallest turn first, else first come first served. */
export interface Permit {
  use<Result>(task: () => Promise<Result>): Promise<Result>;
}

interface Waiting {
  turn: number;
  go: () => void;
}

export class Permits implements Permit {
  private readonly waiting: Waiting[] = [];
  private begun = 0;
  private ended = 0;

  constructor(private free: number) {}

  /** From here on tells whether no task has been under way since. */
  quietSince(): () => boolean {
    const { begun, ended } = this;
    return () => begun === ended && this.begun === begun;
  }

  /** For tasks of this turn. */
  at(turn: number): Permit {
    return { use: (task) => this.take(task, turn) };
  }

  use<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.take(task, 0);
  }

  private async take<Result>(task: () => Promise<Result>, turn: number): Promise<Result> {
    this.begun++;
    if (this.free > 0) this.free--;
    else await this.wait(turn);
    try {
      return await task();
    } finally {
      this.ended++;
      const next = this.waiting.shift();
      if (next) next.go();
      else this.free++;
    }
  }

  private wait(turn: number): Promise<void> {
    return new Promise((go) => {
      const behind = this.waiting.findIndex((other) => other.turn > turn);
      this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, { turn, go });
    });
  }
}
