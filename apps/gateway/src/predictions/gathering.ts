/**
 * How long predictions of a tiny model are gathered before a small pack goes, although no other is out: by how much
 * longer packs take than they must. What a pack costs besides its rows is the same for one row and for sixteen. On a
 * machine that is busy with something else, as with rows of bulk runs, small packs in quick turn take more from those
 * who wait than they would lose by waiting for company; on one that is not, packs come back quickly and nobody waits.
 *
 * Invariant: a gathering ends with the arrivals. Callers who wait for their answers before they ask again are not
 * waited for once all of them are there.
 */

/** A pack may take so much longer than the quickest without being called slow. */
const USUAL_MS = 4;
/** For each millisecond on top of that. */
const SHARE = 3;
const MOST_MS = 20;
/** So long after the last arrival no other is expected. */
const GAP_MS = 4;
const NEWEST = 0.3;
/** Of what was held up or partly lost, more would not be learned from. */
const SLOWEST_MS = 100;
/** What the quickest took is forgotten after one to two of these. */
const MEMORY_MS = 30_000;

export class Gathering {
  private tookMs = 0;
  private backAt = 0;
  private quickest = { before: Infinity, now: Infinity, since: 0 };

  /** A pack that came back answered after `tookMs`; `now` as of performance.now. */
  back(tookMs: number, now: number): void {
    const took = Math.min(tookMs, SLOWEST_MS);
    this.tookMs = this.tookMs === 0 ? took : NEWEST * took + (1 - NEWEST) * this.tookMs;
    this.backAt = now;
    if (now - this.quickest.since > MEMORY_MS) this.quickest = { before: this.quickest.now, now: took, since: now };
    else this.quickest.now = Math.min(this.quickest.now, took);
  }

  /** Milliseconds for which a small pack may still gain by waiting; `lastAt` is the newest arrival. */
  leftMs(lastAt: number, now: number): number {
    const slowMs = this.tookMs - Math.min(this.quickest.before, this.quickest.now) - USUAL_MS;
    if (!(slowMs > 0)) return 0;
    const end = this.backAt + Math.min(MOST_MS, SHARE * slowMs);
    return Math.max(0, Math.min(end, lastAt + GAP_MS) - now);
  }
}
