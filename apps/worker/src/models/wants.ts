/**
 * Versions that requests or jobs wait for and that no worker holds, the longest wait first.
 *
 * Invariant: holds only versions that this worker knows, so no more of them than there are.
 */
export class Wants {
  private readonly since = new Map<string, number>();

  /** Milliseconds by performance.now() of when it was first heard of; undefined when it is not wanted. */
  heard(key: string): number | undefined {
    return this.since.get(key);
  }

  add(keys: Iterable<string>, isKnown: (key: string) => boolean): void {
    for (const key of keys) if (!this.since.has(key) && isKnown(key)) this.since.set(key, performance.now());
  }

  /** Only these are wanted still. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.since.keys()) if (!keys.has(key)) this.since.delete(key);
  }

  forget(key: string): void {
    this.since.delete(key);
  }

  get size(): number {
    return this.since.size;
  }

  /** In the order in which they were first heard of. */
  keys(): string[] {
    return [...this.since.keys()];
  }
}
