// Proves: bulk rows run in the background where there is one, and in slots only where it does not come to hold their version.
import { flood, setUp, sizes } from '../../../../test/fixtures/bulk-dispatcher.js';
import { item, StandInSlot } from '../../../../test/fixtures/slots.js';

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

  it('run on every processor that it has, whatever callers run, where that takes nothing from them', () => {
    const slots = [new StandInSlot(), new StandInSlot()];
    const background = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batcher, bulk } = setUp({ slots, background, givesWay: true, alpha: 12 });
    for (const id of ['1', '2', '3']) batcher.add(item(id, { alone: true }));
    flood(bulk, 50);
    dispatcher.dispatch();
    dispatcher.dispatch();
    expect([ran(slots), ran(background)]).toEqual([
      [1, 1],
      [1, 1],
    ]);
    background[1]!.free();
    dispatcher.dispatch();
    expect(ran(background)).toEqual([1, 2]);
  });

  it('of a version that it does not hold run in idle slots beside it all the same', () => {
    const slots = [new StandInSlot(['a', 'b'])];
    const background = [new StandInSlot(['a'])];
    const { dispatcher, lines } = setUp({ slots, background, givesWay: true, versions: ['a', 'b'], alpha: 12 });
    flood(lines[0]!.bulk, 50);
    flood(lines[1]!.bulk, 50);
    dispatcher.dispatch();
    expect(background[0]!.ran.map(({ version }) => version)).toEqual(['a']);
    expect(slots[0]!.ran.map(({ version }) => version)).toEqual(['b']);
    lines[1]!.batcher.add(item('900'));
    slots[0]!.free();
    dispatcher.dispatch();
    expect(slots[0]!.ran.map(({ ids }) => ids[0])).toEqual(['100', '900']);
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

  it('wait while it is about to hold their version, and run in slots when it is not any more', () => {
    const slots = [new StandInSlot(['a', 'b'])];
    const coming = ['a'];
    const set = { slots, background: [new StandInSlot([])], coming, versions: ['a', 'b'], alpha: 12 };
    const { dispatcher, lines, wanted } = setUp(set);
    flood(lines[0]!.bulk, 50);
    dispatcher.dispatch();
    expect([ran(slots), wanted[0]]).toEqual([[0], 'a']);
    flood(lines[1]!.bulk, 4);
    dispatcher.dispatch();
    coming.pop();
    slots[0]!.free();
    dispatcher.dispatch();
    expect(slots[0]!.ran.map(({ version }) => version)).toEqual(['b', 'a']);
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
