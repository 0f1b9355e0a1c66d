// Proves: bulk rows get what nobody else wants, and never hold up more than one short run of it.
import { item, StandInSlot } from '../../../../test/fixtures/slots.js';
import { Batcher } from './batcher.js';
import { Dispatcher } from './dispatcher.js';
import type { Preparable } from './slot.js';

const clock = { now: () => 0 };

interface SetUp {
  slots: StandInSlot[];
  background?: StandInSlot[];
  versions?: string[];
  /** Learned milliseconds per row; runs of up to eight rows have been seen. */
  alpha?: number;
}

function setUp({ slots, background, versions = ['m'], alpha }: SetUp) {
  const wanted: string[] = [];
  const behind = background && { slots: background, want: (version: string) => wanted.push(version) };
  const dispatcher = new Dispatcher<Preparable>(slots, { clock, bulkRunMs: 50, ...(behind && { background: behind }) });
  const lines = versions.map((version) => {
    const options = { maxBatchSize: 16, clock, dropped: () => undefined };
    const batcher = new Batcher<Preparable>(options);
    const bulk = new Batcher<Preparable>(background ? options : { ...options, latency: batcher.latency });
    if (alpha !== undefined) for (let rows = 1; rows <= 8; rows++) batcher.latency.record(rows, alpha * rows);
    dispatcher.serve(version, batcher, bulk);
    return { batcher, bulk };
  });
  return { dispatcher, lines, wanted, ...lines[0]! };
}

function flood(bulk: Batcher<Preparable>, count: number, more: Partial<Preparable> = {}): void {
  for (let i = 0; i < count; i++) bulk.add(item(`${100 + i}`, more));
}

const sizes = (slot: StandInSlot): number[] => slot.ran.map((run) => run.ids.length);

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
    const options = { maxBatchSize: 16, clock, dropped: ({ id }: Preparable) => dropped.push(id) };
    const dispatcher = new Dispatcher<Preparable>([slot], { clock, bulkRunMs: 50 });
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

describe('bulk rows with a background', () => {
  const ran = (slots: StandInSlot[]): number[] => slots.map((slot) => slot.ran.length);

  it('run there, as many at once as there are slots that nobody needs', () => {
    const slots = [new StandInSlot(), new StandInSlot()];
    const background = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batcher, bulk, wanted } = setUp({ slots, background, alpha: 12 });
    batcher.add(item('1', { alone: true }));
    flood(bulk, 50);
    dispatcher.dispatch();
    expect([ran(slots), ran(background)]).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(wanted[0]).toBe('m');
    slots[0]!.free();
    dispatcher.dispatch();
    dispatcher.dispatch();
    expect([ran(slots), ran(background)]).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  it('leave every slot to callers while they run', () => {
    const slots = [new StandInSlot()];
    const background = [new StandInSlot()];
    const { dispatcher, batcher, bulk } = setUp({ slots, background, alpha: 12 });
    flood(bulk, 50);
    dispatcher.dispatch();
    batcher.add(item('1'));
    dispatcher.dispatch();
    expect(slots[0]!.ran).toEqual([{ version: 'm', ids: ['1'] }]);
    background[0]!.free();
    dispatcher.dispatch();
    expect(ran(background)).toEqual([1]);
  });

  it('run in slots where it does not hold their version, and count what runs in it all the same', () => {
    const slots = [new StandInSlot(['a', 'b']), new StandInSlot(['a', 'b'])];
    const background = [new StandInSlot(['a'])];
    const { dispatcher, lines, wanted } = setUp({ slots, background, versions: ['a', 'b'], alpha: 12 });
    flood(lines[0]!.bulk, 50);
    flood(lines[1]!.bulk, 50);
    dispatcher.dispatch();
    dispatcher.dispatch();
    expect(background[0]!.ran.map(({ version }) => version)).toEqual(['a']);
    expect(slots.flatMap((slot) => slot.ran.map(({ version }) => version))).toEqual(['b']);
    expect(new Set(wanted)).toEqual(new Set(['a', 'b']));
  });

  it('are measured there by runs there, and in batches of callers by theirs', () => {
    const slots = [new StandInSlot()];
    const background = [new StandInSlot()];
    const { dispatcher, batcher, bulk } = setUp({ slots, background, alpha: 0.1 });
    for (let rows = 1; rows <= 8; rows++) bulk.latency.record(rows, 24 * rows);
    flood(bulk, 50);
    dispatcher.dispatch();
    expect(sizes(background[0]!)).toEqual([2]);
    for (const id of ['1', '2', '3']) batcher.add(item(id));
    dispatcher.dispatch();
    expect(sizes(slots[0]!)).toEqual([6]);
  });
});
