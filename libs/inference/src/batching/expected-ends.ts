/**
 * When run slots are expected to be done with what they have: of two that are busy, the one to wait for. By rows alone a
 * slot that has just begun looks like one that is about to end.
 */
import type { Clock } from './clock.js';

interface Busy {
  readonly outstanding: number;
  readonly rows: number;
}

export class ExpectedEnds<S extends Busy> {
  private readonly ends = new WeakMap<S, number>();

  constructor(private readonly clock: Clock) {}

  /** A batch is about to be handed to it that is expected to take `ms`. */
  handing(slot: S, ms: number): void {
    this.ends.set(slot, this.clock.now() + this.leftMs(slot) + ms);
  }

  /** The first to be done; of those that will be at once the one with the fewest rows. */
  soonest(slots: readonly S[]): S {
    return slots.reduce((best, slot) => {
      const sooner = this.leftMs(slot) - this.leftMs(best) || slot.rows - best.rows;
      return sooner < 0 ? slot : best;
    });
  }

  private leftMs(slot: S): number {
    return slot.outstanding === 0 ? 0 : Math.max(0, (this.ends.get(slot) ?? 0) - this.clock.now());
  }
}
