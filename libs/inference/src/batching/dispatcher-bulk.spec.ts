// Proves: bulk rows get what nobody else wants, and never hold up more than one short run of it.
import { flood, setUp, sizes, STILL } from '../../../../test/fixtures/bulk-dispatcher.js';
import { item, StandInSlot } from '../../../../test/fixtures/slots.js';
import { Batcher } from './batcher.js';
import { Dispatcher } from './dispatcher.js';
import type { Preparable } from './slot.js';

describe('bulk rows', () => {
  it('run one at a time until it is known what a run takes, then in runs twice as large as any seen', () => {
    const slot = new StandInSlot();
    const { dispatcher, batcher, bulk } = setUp({ slots: [slot] });
    flood(bulk, 50);
    for (let i = 0; i < 7; i++) {
      dispatcher.dispatch();
      slot.free();
      const rows = sizes(slot).at(-1)!;
      batcher.latency.record(rows, 0.1 * rows);
    }
    expect(sizes(slot)).toEqual([1, 1, 1, 1, 1, 2, 4]);
  });

  it('run for no longer than the setting says, or one of them', () => {
    const slot = new StandInSlot();
    const { dispatcher, bulk } = setUp({ slots: [slot], alpha: 12 });
    flood(bulk, 50);
    dispatcher.dispatch();
    expect(sizes(slot)).toEqual([4]);
    const slow = new StandInSlot();
    const other = setUp({ slots: [slow], alpha: 200 });
    flood(other.bulk, 50);
    other.dispatcher.dispatch();
    expect(sizes(slow)).toEqual([1]);
  });

  it('run in larger runs where a row of theirs costs less', () => {
    const slot = new StandInSlot();
    const { dispatcher, bulk } = setUp({ slots: [slot], alpha: 12 });
    flood(bulk, 50, { signature: 'short', weight: 0.5 });
    dispatcher.dispatch();
    expect(sizes(slot)).toEqual([8]);
  });

  it('are never handed ahead, not even pictures', () => {
    const slot = new StandInSlot();
    const { dispatcher, bulk } = setUp({ slots: [slot], alpha: 12 });
    flood(bulk, 50, { prepares: true });
    dispatcher.dispatch();
    dispatcher.dispatch();
    expect(slot.ran).toHaveLength(1);
  });

  it('leave a slot to what a caller waits for, also of another version', () => {
    const slot = new StandInSlot(['a', 'b']);
    const { dispatcher, lines } = setUp({ slots: [slot], versions: ['a', 'b'], alpha: 12 });
    const [a, b] = lines;
    flood(a!.bulk, 50);
    dispatcher.dispatch();
    b!.batcher.add(item('900'));
    a!.batcher.add(item('901'));
    slot.free();
    dispatcher.dispatch();
    slot.free();
    dispatcher.dispatch();
    slot.free();
    dispatcher.dispatch();
    expect(slot.ran.map((run) => [run.version, run.ids[0]])).toEqual([
      ['a', '100'],
      ['b', '900'],
      ['a', '901'],
      ['a', '104'],
    ]);
  });

  it('leave an idle slot to an item that would rather wait for a busy one', () => {
    jest.useFakeTimers();
    const slots = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batcher, bulk } = setUp({ slots, alpha: 0.01 });
    batcher.add(item('1'));
    dispatcher.dispatch();
    batcher.add(item('2', { since: 0 }));
    flood(bulk, 50);
    dispatcher.dispatch();
    expect(slots.map(sizes)).toEqual([[1], []]);
    jest.useRealTimers();
  });

  it('do not keep a slot from work that only an idle other slot can do', () => {
    const slots = [new StandInSlot(['a']), new StandInSlot(['b'])];
    const { dispatcher, lines } = setUp({ slots, versions: ['a', 'b'], alpha: 12 });
    slots[0]!.outstanding = 1;
    slots[0]!.joins = false;
    lines[0]!.batcher.add(item('1'));
    flood(lines[1]!.bulk, 1);
    dispatcher.dispatch();
    expect(slots[1]!.ran).toEqual([{ version: 'b', ids: ['100'] }]);
  });

  it('count what is done for each before a run as a part of it', () => {
    const slot = new StandInSlot();
    const { dispatcher, bulk } = setUp({ slots: [slot], alpha: 12 });
    for (let batch = 0; batch < 100; batch++) bulk.prepared(2, 2 * 12);
    flood(bulk, 50, { prepares: true });
    dispatcher.dispatch();
    expect(sizes(slot)).toEqual([2]);
  });

  it('fill a batch up where that costs it next to nothing, with no more rows than it has', () => {
    const slot = new StandInSlot();
    const { dispatcher, batcher, bulk } = setUp({ slots: [slot], alpha: 0.1 });
    flood(bulk, 50);
    batcher.add(item('1'));
    batcher.add(item('2'));
    dispatcher.dispatch();
    expect(slot.ran[0]!.ids).toEqual(['1', '2', '100', '101']);
    expect(slot.sealed[0]).toMatchObject({ rows: 4, own: 2, from: batcher });
    expect(bulk.depth).toBe(48);
  });

  it('do not fill up a batch of dear rows, of pictures, of another signature or of one tried alone', () => {
    const cases: [number, Partial<Preparable>][] = [
      [33, {}],
      [0.1, { prepares: true }],
      [0.1, { signature: 'other' }],
      [0.1, { alone: true }],
    ];
    for (const [alpha, more] of cases) {
      const slot = new StandInSlot();
      const { dispatcher, batcher, bulk } = setUp({ slots: [slot], alpha });
      flood(bulk, 50);
      batcher.add(item('1', more));
      dispatcher.dispatch();
      expect(slot.ran).toEqual([{ version: 'm', ids: ['1'] }]);
    }
  });

  it('of two versions take turns by age', () => {
    const slot = new StandInSlot(['a', 'b']);
    const { dispatcher, lines } = setUp({ slots: [slot], versions: ['a', 'b'], alpha: 50 });
    lines[0]!.bulk.add(item('1'));
    lines[1]!.bulk.add(item('2'));
    lines[0]!.bulk.add(item('3'));
    for (let i = 0; i < 3; i++) {
      dispatcher.dispatch();
      slot.free();
    }
    expect(slot.ran.map((run) => run.ids)).toEqual([['1'], ['2'], ['3']]);
  });

  it('are dropped like all others when they were cancelled or are too late', () => {
    const slot = new StandInSlot();
    const dropped: string[] = [];
    const options = { maxBatchSize: 16, clock: STILL, dropped: ({ id }: Preparable) => dropped.push(id) };
    const dispatcher = new Dispatcher<Preparable>([slot], { clock: STILL, bulkRunMs: 50 });
    const bulk = new Batcher<Preparable>(options);
    dispatcher.serve('m', new Batcher<Preparable>(options), bulk);
    bulk.add(item('1'));
    bulk.add(item('2', { deadline: -1 }));
    bulk.add(item('3'));
    bulk.depart('1');
    dispatcher.dispatch();
    expect(slot.ran).toEqual([{ version: 'm', ids: ['3'] }]);
    expect(dropped).toEqual(['1', '2']);
  });
});
