/**
 * Predictions whose callers have gone before their packs came here. The control stream is often ahead of a queue
 * that is long, which is just when running for nobody hurts most. Bounded: the oldest are forgotten first.
 */
const REMEMBERED = 10_000;

export class Departures {
  private readonly ids = new Set<string>();

  add(id: string): void {
    this.ids.add(id);
    if (this.ids.size <= REMEMBERED) return;
    const [oldest] = this.ids;
    this.ids.delete(oldest!);
  }

  /** Whether it was told; told once, for a prediction comes once. */
  take(id: string): boolean {
    return this.ids.delete(id);
  }
}
