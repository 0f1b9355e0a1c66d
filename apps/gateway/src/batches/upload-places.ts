/**
 * Places for uploads of rows: each holds two chunks in memory for as long as its sender takes.
 *
 * Invariant: no owner has all of a gateway's places, so that one whose uploads hang leaves others some.
 */
import { SluiceError } from '#inference';

const PLACES = 8;
const OF_ONE_OWNER = 6;
const RETRY_SECONDS = 5;

type Members = Record<string, string | number>;

export class UploadPlaces {
  private readonly byOwner = new Map<string, number>();
  private all = 0;

  get taken(): number {
    return this.all;
  }

  /** Whoever takes one gives it back by the returned function, once. @throws CAPACITY_EXHAUSTED with the members given */
  take(owner: string, members: Members = {}): () => void {
    const own = this.byOwner.get(owner) ?? 0;
    if (own === OF_ONE_OWNER) throw none(`reads ${OF_ONE_OWNER} bulk uploads of yours already`, members);
    if (this.all === PLACES) throw none(`reads ${PLACES} bulk uploads already`, members);
    this.all++;
    this.byOwner.set(owner, own + 1);
    return () => this.giveBack(owner);
  }

  private giveBack(owner: string): void {
    this.all--;
    const left = this.byOwner.get(owner)! - 1;
    if (left === 0) this.byOwner.delete(owner);
    else this.byOwner.set(owner, left);
  }
}

function none(what: string, members: Members): SluiceError {
  return new SluiceError('CAPACITY_EXHAUSTED', `This gateway ${what}. Try again after the time in Retry-After.`, {
    retryAfterSeconds: RETRY_SECONDS,
    members,
  });
}
