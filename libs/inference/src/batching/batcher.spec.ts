import { Batcher, type DropReason, type Waiting } from './batcher.js';

interface Item extends Waiting {
  departed: boolean;
}

let now = 0;
const clock = { now: () => now };

function item(id: string, more: Partial<Item> = {}): Item {
  return { id, rows: 1, signature: 'a', deadline: 1_000_000, since: now, alone: false, departed: false, ...more };
}

function batcher(options: { maxBatchSize?: number; runTimeoutMs?: number } = {}) {
  const dropped: [string, DropReason][] = [];
  const made = new Batcher<Item>({
    maxBatchSize: 8,
    ...options,
    clock,
    dropped: ({ id }, reason) => dropped.push([id, reason]),
  });
  return { batcher: made, dropped };
}

const ids = (sealed: { items: Item[] } | undefined) => sealed?.items.map((i) => i.id);

beforeEach(() => (now = 0));

describe('a batcher', () => {
  it('seals what waits at once when a slot is free, oldest first', () => {
    const { batcher: b } = batcher();
    ['1', '2', '3'].forEach((id) => b.add(item(id)));
    const sealed = b.seal(1);
    expect(ids(sealed)).toEqual(['1', '2', '3']);
    expect(sealed?.reason).toBe('greedy');
    expect(b.depth).toBe(0);
    expect(b.seal(1)).toBeUndefined();
  });

  it('fills a batch up to its largest size, says so, and leaves the rest', () => {
    const { batcher: b } = batcher({ maxBatchSize: 4 });
    for (let i = 0; i < 10; i++) b.add(item(String(i)));
    const sealed = b.seal(1);
    expect(sealed).toMatchObject({ rows: 4, reason: 'full' });
    expect(b.depth).toBe(6);
  });

  it('fills batches up to another size once it is told of one', () => {
    const { batcher: b } = batcher({ maxBatchSize: 4 });
    for (let i = 0; i < 10; i++) b.add(item(String(i)));
    b.resize(2);
    expect(b.seal(1)).toMatchObject({ rows: 2, reason: 'full' });
    b.resize(6);
    expect(b.seal(1)).toMatchObject({ rows: 6 });
  });

  it('takes its share of what waits, so that two free slots split it', () => {
    const { batcher: b } = batcher();
    for (let i = 0; i < 5; i++) b.add(item(String(i)));
    expect(ids(b.seal(2))).toEqual(['0', '1', '2']);
    expect(ids(b.seal(1))).toEqual(['3', '4']);
  });

  it('counts rows, not items, and never exceeds the largest size with several items', () => {
    const { batcher: b } = batcher({ maxBatchSize: 8 });
    b.add(item('1', { rows: 3 }));
    b.add(item('2', { rows: 4 }));
    b.add(item('3', { rows: 2 }));
    expect(b.seal(1)).toMatchObject({ rows: 7 });
    expect(b.seal(1)).toMatchObject({ rows: 2 });
  });

  it('keeps signatures apart and serves the one with the oldest item first', () => {
    const { batcher: b } = batcher();
    b.add(item('1', { signature: 'x', since: 5 }));
    b.add(item('2', { signature: 'y', since: 3 }));
    b.add(item('3', { signature: 'x', since: 6 }));
    expect(ids(b.seal(1))).toEqual(['2']);
    expect(ids(b.seal(1))).toEqual(['1', '3']);
  });

  it('drops an item that can no longer be answered in time before it takes a slot', () => {
    const { batcher: b, dropped } = batcher();
    for (let i = 0; i < 10; i++) b.latency.record(1, 100);
    b.add(item('late', { deadline: 50 }));
    b.add(item('fine', { deadline: 5_000 }));
    expect(ids(b.seal(1))).toEqual(['fine']);
    expect(dropped).toEqual([['late', 'deadline']]);
  });

  it('drops an item whose caller has gone before it takes a slot', () => {
    const { batcher: b, dropped } = batcher();
    b.add(item('gone'));
    b.add(item('here'));
    b.depart('gone');
    expect(ids(b.seal(1))).toEqual(['here']);
    expect(dropped).toEqual([['gone', 'departed']]);
  });

  it('returns nothing, and drops all, when nothing that waits can be answered', () => {
    const { batcher: b, dropped } = batcher();
    now = 100;
    b.add(item('1', { deadline: 50 }));
    b.add(item('2', { deadline: 60, signature: 'b' }));
    expect(b.seal(1)).toBeUndefined();
    expect(dropped).toHaveLength(2);
    expect(b.depth).toBe(0);
  });

  it('runs a suspect by itself, even beside another suspect of the same request', () => {
    const { batcher: b } = batcher();
    b.add(item('same', { alone: true, since: 1 }));
    b.add(item('same', { alone: true, since: 1 }));
    b.add(item('other', { since: 2 }));
    expect(ids(b.seal(1))).toEqual(['same']);
    expect(ids(b.seal(1))).toEqual(['same']);
    expect(ids(b.seal(1))).toEqual(['other']);
  });

  it('puts a retried item in front of younger ones of its signature', () => {
    const { batcher: b } = batcher({ maxBatchSize: 1 });
    b.add(item('young', { since: 10 }));
    b.add(item('retried', { since: 2 }));
    expect(ids(b.seal(1))).toEqual(['retried']);
  });

  it('says drain as the reason once it drains', () => {
    const { batcher: b } = batcher();
    b.add(item('1'));
    b.drain();
    expect(b.seal(1)?.reason).toBe('drain');
  });

  it('gives a run ten seconds before it knows five, then twenty times what is expected, at least two seconds', () => {
    const { batcher: b } = batcher();
    expect(b.runTimeoutMs(1)).toBe(10_000);
    for (let i = 0; i < 5; i++) b.latency.record(1, 5);
    expect(b.runTimeoutMs(1)).toBe(2_000);
    for (let i = 0; i < 50; i++) b.latency.record(1, 300);
    expect(b.runTimeoutMs(1)).toBeCloseTo(6_000, 0);
    expect(batcher({ runTimeoutMs: 77 }).batcher.runTimeoutMs(1)).toBe(77);
  });

  it('expects of rows that cost less that they take less', () => {
    const { batcher: b, dropped } = batcher();
    for (let rows = 1; rows <= 8; rows++) b.latency.record(rows, 100 * rows);
    b.add(item('dear', { deadline: 99 }));
    b.add(item('cheap', { deadline: 99, signature: 'short', weight: 0.25 }));
    expect(b.nextWeight).toBe(1);
    expect(ids(b.seal(1))).toEqual(['cheap']);
    expect(dropped).toEqual([['dear', 'deadline']]);
  });
});
