/** Proves: nobody waits while both his host and his owner have room, and lines hold what one host may be sent. */
import { AttemptSlots, type Slot } from './attempt-slots.js';

const MOST = 65_536;
const MOST_OF_OWNER = 49_152;
const A = { origin: 'https://a.example', owner: 'one' };
const B = { origin: 'https://b.example', owner: 'one' };
const OTHER_AT_A = { ...A, owner: 'other' };

function release(slot: Slot): string[] {
  if (slot.kind !== 'taken') throw new Error('no slot was taken; one was expected to be free');
  return slot.release();
}

function refused(slot: Slot): Extract<Slot, { kind: 'refused' }> {
  if (slot.kind !== 'refused') throw new Error('a slot was taken; none was expected to be free');
  return slot;
}

describe('slots of attempts', () => {
  it('call all of a long line, one for each slot that is given back', () => {
    const slots = new AttemptSlots({ perOrigin: 1, perOwner: 2 });
    let held = slots.take(A, 'job-0');
    for (let i = 1; i <= 4_000; i++) refused(slots.take(A, `job-${i}`));
    for (let i = 1; i <= 4_000; i++) {
      expect(release(held)).toEqual([`job-${i}`]);
      held = slots.take(A, `job-${i}`);
    }
    expect(release(held)).toEqual([]);
  });

  it('call whose host and owner both have room, past those that came before', () => {
    const slots = new AttemptSlots({ perOrigin: 1, perOwner: 2 });
    const [atA, atB] = [slots.take(A, 'a1'), slots.take(B, 'b1')];
    refused(slots.take(A, 'a2'));
    refused(slots.take({ ...A, origin: 'https://c.example' }, 'c1'));
    expect(release(atB)).toEqual(['c1']);
    const atC = slots.take({ ...A, origin: 'https://c.example' }, 'c1');
    refused(slots.take(B, 'b2'));
    // Its host has a slot now, and its owner has one for one of the two.
    expect(release(atA)).toEqual(['a2']);
    slots.take(A, 'a2');
    expect(release(atC)).toEqual(['b2']);
  });

  it('have owners take turns at one host', () => {
    const slots = new AttemptSlots({ perOrigin: 1, perOwner: 2 });
    let held = slots.take(A, 'a0');
    for (const job of ['a1', 'a2', 'a3']) slots.take(A, job);
    slots.take(OTHER_AT_A, 'o1');
    const order = ['a1', 'o1', 'a2', 'a3'];
    for (const job of order) {
      expect(release(held)).toEqual([job]);
      held = slots.take(job === 'o1' ? OTHER_AT_A : A, job);
    }
  });

  it('call as many as there is room for when one who was called has not come', () => {
    const slots = new AttemptSlots({ perOrigin: 2, perOwner: 3 });
    const held = [slots.take(A, 'a1'), slots.take(A, 'a2')];
    for (const job of ['a3', 'a4', 'a5', 'a6']) slots.take(A, job);
    expect(release(held[0]!)).toEqual(['a3']);
    expect(release(held[1]!)).toEqual(['a4', 'a5']);
  });

  it('tell who was called before it began to wait', () => {
    const slots = new AttemptSlots({ perOrigin: 1, perOwner: 2 });
    const held = slots.take(A, 'first');
    const waiting = refused(slots.take(A, 'second'));
    expect(waiting.missed()).toBe(false);
    release(held);
    expect(waiting.missed()).toBe(true);
  });

  it('bound all lines together, and those of one owner, and send away who comes then, for times that differ', () => {
    const randoms = [0, 0.5];
    const slots = new AttemptSlots({ perOrigin: 1, perOwner: 2, random: () => randoms.shift()! });
    const held = slots.take(A, 'first');
    const others = { ...B, owner: 'other' };
    slots.take(others, 'first');
    for (let i = 0; i < MOST_OF_OWNER; i++) slots.take(A, `job-${i}`);
    expect(refused(slots.take(A, 'late')).afterMs).toBe(60_000);
    for (let i = MOST_OF_OWNER; i < MOST; i++) slots.take(others, `job-${i}`);
    expect(refused(slots.take(others, 'later')).afterMs).toBe(90_000);
    // Room in one line is room in all.
    expect(release(held)).toEqual(['job-0']);
    refused(slots.take(others, 'later'));
    expect(randoms).toEqual([]);
  });
});
