/** When executors in the background come and go, what they hold, and that they take no memory that is short. */
import { BackgroundSlots, type BackgroundOptions } from './background-slots.js';
import type { ExecutorSlot } from './executor-slot.js';

const MB = 1_000_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

class StandIn {
  started = false;
  isUp = false;
  fills = 0;
  outstanding = 0;
  held: string[] = [];
  start = (): void => {
    this.started = true;
  };
  stop = (): Promise<void> => {
    this.started = false;
    return Promise.resolve();
  };
  fill = (): void => {
    this.fills++;
  };
  holds = (key: string): boolean => this.held.includes(key);
  serves = this.holds;
}

function setUp(more: Partial<BackgroundOptions> = {}) {
  const made: StandIn[] = [];
  const short: unknown[] = [];
  let released = 0;
  let dispatched = 0;
  const background = new BackgroundSlots({
    count: 2,
    givesWay: () => true,
    slot: () => {
      const slot = new StandIn();
      made.push(slot);
      return slot as unknown as ExecutorSlot;
    },
    bytesOf: () => 50 * MB,
    available: () => 8_000 * MB,
    short: (version, facts) => short.push([version, facts]),
    released: () => released++,
    dispatch: () => dispatched++,
    ...more,
  });
  /** Rows of it wait, and still do a second later. */
  const want = (key: string): void => {
    background.want(key);
    jest.advanceTimersByTime(SECOND);
    background.want(key);
  };
  return { background, want, made, short, released: () => released, dispatched: () => dispatched };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('executors in the background', () => {
  it('are started once bulk rows have waited for a second, and hold what has some', () => {
    const { background, want, made } = setUp();
    background.want('a:1');
    jest.advanceTimersByTime(SECOND - 1);
    background.want('a:1');
    expect([background.slots, background.wants('a:1')]).toEqual([[], false]);
    jest.advanceTimersByTime(1);
    background.want('a:1');
    background.want('a:1');
    expect(made.map(({ started }) => started)).toEqual([true, true]);
    want('b:1');
    expect(made).toHaveLength(2);
    expect(made.map(({ fills }) => fills)).toEqual([1, 1]);
    expect(['a:1', 'b:1', 'c:1'].map((key) => background.wants(key))).toEqual([true, true, false]);
    made[0]!.held = ['a:1'];
    expect(background.copies('a:1')).toBe(1);
  });

  it('let go of a version without bulk rows after a minute, and end when there is none', async () => {
    const { background, want, made, released } = setUp();
    want('a:1');
    want('b:1');
    await jest.advanceTimersByTimeAsync(MINUTE / 2);
    background.want('b:1');
    await jest.advanceTimersByTimeAsync(MINUTE / 2);
    expect(['a:1', 'b:1'].map((key) => background.wants(key))).toEqual([false, true]);
    expect(made[0]!.fills).toBe(2);
    await jest.advanceTimersByTimeAsync(MINUTE);
    expect(made.map(({ started }) => started)).toEqual([false, false]);
    expect(background.slots).toEqual([]);
    expect(released()).toBe(1);
    want('a:1');
    expect(made.map(({ started }) => started)).toEqual([false, false, true, true]);
  });

  it('do not end in the midst of a run', async () => {
    const { want, made } = setUp();
    want('a:1');
    made[1]!.outstanding = 1;
    await jest.advanceTimersByTimeAsync(3 * MINUTE);
    expect(made.map(({ started }) => started)).toEqual([true, true]);
    made[1]!.outstanding = 0;
    await jest.advanceTimersByTimeAsync(MINUTE);
    expect(made.map(({ started }) => started)).toEqual([false, false]);
  });

  it('are not started, nor given more to hold, where memory is short; a minute later it is looked at again', async () => {
    let available = 599 * MB;
    const { background, want, made, short } = setUp({ available: () => available });
    want('a:1');
    background.want('a:1');
    expect(short).toEqual([['a:1', { available: 599 * MB, needed: 600 * MB }]]);
    expect(made).toEqual([]);
    available = 600 * MB;
    background.want('a:1');
    expect(made).toEqual([]);
    await jest.advanceTimersByTimeAsync(MINUTE);
    background.want('a:1');
    expect(made).toHaveLength(2);
    for (const slot of made) Object.assign(slot, { isUp: true, held: ['a:1'] });
    available = 199 * MB;
    want('b:1');
    expect(background.wants('b:1')).toBe(false);
    expect(short[1]).toEqual(['b:1', { available: 199 * MB, needed: 200 * MB }]);
  });

  it('count what others wanted a moment ago and have not taken yet, and leave no small one out for a large one', () => {
    const { background, want, short } = setUp({
      available: () => 1_000 * MB,
      bytesOf: (key) => (key === 'large:1' ? 5_000 : 50) * MB,
    });
    for (const key of ['large:1', 'a:1', 'b:1', 'c:1', 'd:1']) want(key);
    expect(short).toEqual([
      ['large:1', { available: 1_000 * MB, needed: 20_400 * MB }],
      // Two processes of 100 MB and two copies of 50 MB of each of four, twice.
      ['d:1', { available: 1_000 * MB, needed: 1_200 * MB }],
    ]);
    expect(['a:1', 'b:1', 'c:1'].map((key) => background.wants(key))).toEqual([true, true, true]);
  });

  it('leave what they cannot hold to the executors of callers for a minute', async () => {
    const { background, want, made, dispatched } = setUp();
    want('a:1');
    background.refused('a:1');
    expect(dispatched()).toBe(1);
    want('a:1');
    expect([background.wants('a:1'), background.isComing('a:1')]).toEqual([false, false]);
    expect(made[0]!.fills).toBe(1);
    await jest.advanceTimersByTimeAsync(MINUTE);
    want('a:1');
    expect(background.wants('a:1')).toBe(true);
  });

  it('have rows wait while they load a version, for a minute at most, and again when they have lost it', async () => {
    const { background, want, made, dispatched } = setUp();
    background.want('a:1');
    expect(background.isComing('a:1')).toBe(false);
    want('a:1');
    expect(background.isComing('a:1')).toBe(true);
    await jest.advanceTimersByTimeAsync(MINUTE - 1);
    background.want('a:1');
    expect([background.isComing('a:1'), dispatched()]).toEqual([true, 0]);
    await jest.advanceTimersByTimeAsync(1);
    expect([background.isComing('a:1'), dispatched()]).toEqual([false, 1]);
    made[0]!.held = ['a:1'];
    background.want('a:1');
    made[0]!.held = [];
    background.want('a:1');
    expect(background.isComing('a:1')).toBe(true);
  });

  it('have the rows of each version wait for a minute of its own', async () => {
    const { background, want, dispatched } = setUp();
    want('a:1');
    background.isComing('a:1');
    await jest.advanceTimersByTimeAsync(MINUTE / 2);
    want('b:1');
    background.isComing('b:1');
    await jest.advanceTimersByTimeAsync(MINUTE / 2);
    expect(dispatched()).toBe(1);
    expect([background.isComing('a:1'), background.isComing('b:1')]).toEqual([false, true]);
    await jest.advanceTimersByTimeAsync(MINUTE / 2 + SECOND);
    expect(dispatched()).toBe(2);
    expect(background.isComing('b:1')).toBe(false);
  });

  it('may be wanted again while those before are still ending', async () => {
    const { background, want, made } = setUp();
    want('a:1');
    let ended = (): void => undefined;
    made[0]!.stop = () => new Promise<void>((resolve) => (ended = resolve));
    await jest.advanceTimersByTimeAsync(MINUTE);
    expect(background.slots).toEqual([]);
    want('a:1');
    expect(made.slice(2).map(({ started }) => started)).toEqual([true, true]);
    ended();
    await jest.advanceTimersByTimeAsync(1);
    expect(background.slots).toHaveLength(2);
    expect(background.wants('a:1')).toBe(true);
  });

  it('never come where there are to be none, or once the worker ends', async () => {
    const none = setUp({ count: 0 });
    none.want('a:1');
    expect(none.made).toEqual([]);
    const ended = setUp();
    ended.want('a:1');
    await ended.background.stop(1);
    expect(ended.made.map(({ started }) => started)).toEqual([false, false]);
    ended.want('a:1');
    expect(ended.background.slots).toEqual([]);
  });
});
