import { item, StandInSlot } from '../../../../test/fixtures/slots.js';
import { Batcher } from './batcher.js';
import { Dispatcher } from './dispatcher.js';
import type { Preparable } from './slot.js';

let now = 0;
beforeEach(() => (now = 0));

function setUp(slots: StandInSlot[], versions = ['m']) {
  const dispatcher = new Dispatcher<Preparable>(slots, { clock: { now: () => now }, bulkRunMs: 50 });
  const batchers = versions.map((version) => {
    const batcher = new Batcher<Preparable>({ maxBatchSize: 8, clock: { now: () => now }, dropped: () => undefined });
    dispatcher.serve(version, batcher);
    return batcher;
  });
  return { dispatcher, batchers };
}

describe('the dispatcher', () => {
  it('shares what waits between two free slots', () => {
    const slots = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batchers } = setUp(slots);
    for (let i = 0; i < 6; i++) batchers[0]!.add(item(String(i)));
    dispatcher.dispatch();
    expect(slots.map((slot) => slot.ran)).toEqual([
      [{ version: 'm', ids: ['0', '1', '2'] }],
      [{ version: 'm', ids: ['3', '4', '5'] }],
    ]);
  });

  it('lets tensors wait for a free slot, so that their batch grows until then', () => {
    const slot = new StandInSlot();
    const { dispatcher, batchers } = setUp([slot]);
    batchers[0]!.add(item('1'));
    dispatcher.dispatch();
    batchers[0]!.add(item('2'));
    dispatcher.dispatch();
    batchers[0]!.add(item('3'));
    dispatcher.dispatch();
    expect(slot.ran).toHaveLength(1);
    slot.free();
    dispatcher.dispatch();
    expect(slot.ran[1]).toEqual({ version: 'm', ids: ['2', '3'] });
  });

  it('puts a picture in line where it is expected to run first, though as much lies there', () => {
    const slots = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batchers } = setUp(slots);
    for (let run = 0; run < 5; run++) batchers[0]!.latency.record(1, 40);
    const picture = (at: number): void => {
      now = at;
      batchers[0]!.add(item(String(at), { prepares: true }));
      dispatcher.dispatch();
    };
    picture(0);
    picture(10);
    slots[0]!.free();
    picture(20);
    // The first has another 15 ms to go, the second 5.
    picture(45);
    expect(slots.map((slot) => slot.ran.map((run) => run.ids[0]))).toEqual([
      ['0', '20'],
      ['10', '45'],
    ]);
  });

  it('hands pictures over ahead, four batches at most and no more rows than the run and the next can take', () => {
    const slot = new StandInSlot();
    const { dispatcher, batchers } = setUp([slot]);
    for (const id of ['1', '2', '3', '4', '5', '6']) {
      batchers[0]!.add(item(id, { prepares: true }));
      dispatcher.dispatch();
    }
    expect(slot.ran.map((run) => run.ids)).toEqual([['1'], ['2'], ['3'], ['4'], ['5']]);
    const flooded = new StandInSlot();
    const flood = setUp([flooded]);
    for (let id = 0; id < 30; id++) flood.batchers[0]!.add(item(String(id), { prepares: true }));
    flood.dispatcher.dispatch();
    expect(flooded.ran.map((run) => run.ids.length)).toEqual([8, 8]);
    expect(flood.batchers[0]!.depth).toBe(14);
  });

  it('gives a picture that is tried alone a slot of its own, with nothing before and nothing behind it', () => {
    const slot = new StandInSlot();
    const { dispatcher, batchers } = setUp([slot]);
    batchers[0]!.add(item('1', { prepares: true }));
    dispatcher.dispatch();
    batchers[0]!.add(item('2', { prepares: true, alone: true }));
    dispatcher.dispatch();
    expect(slot.ran.map((run) => run.ids)).toEqual([['1']]);
    slot.free();
    dispatcher.dispatch();
    batchers[0]!.add(item('3', { prepares: true }));
    dispatcher.dispatch();
    expect(slot.ran.map((run) => run.ids)).toEqual([['1'], ['2']]);
  });

  it('lets no flood of pictures keep a slot from a model that has waited longer', () => {
    const slot = new StandInSlot(['pictures', 'tensors']);
    const { dispatcher, batchers } = setUp([slot], ['pictures', 'tensors']);
    batchers[0]!.add(item('1', { prepares: true }));
    dispatcher.dispatch();
    batchers[1]!.add(item('2'));
    batchers[0]!.add(item('3', { prepares: true }));
    dispatcher.dispatch();
    expect(slot.ran.map((run) => run.ids)).toEqual([['1']]);
    slot.free();
    dispatcher.dispatch();
    expect(slot.ran[1]).toEqual({ version: 'tensors', ids: ['2'] });
  });

  it('gives a slot to the version whose item has waited longest', () => {
    const slot = new StandInSlot(['a', 'b']);
    const { dispatcher, batchers } = setUp([slot], ['a', 'b']);
    batchers[0]!.add(item('9'));
    batchers[1]!.add(item('4'));
    dispatcher.dispatch();
    expect(slot.ran).toEqual([{ version: 'b', ids: ['4'] }]);
  });

  it('keeps work that one slot does in no time together, and opens the other when that one takes too long', () => {
    jest.useFakeTimers();
    const slots = [new StandInSlot(), new StandInSlot()];
    const { dispatcher, batchers } = setUp(slots);
    const [batcher] = batchers;
    for (let i = 0; i < 10; i++) batcher!.latency.record(1, 0.05);
    batcher!.add(item('0'));
    batcher!.add(item('1'));
    dispatcher.dispatch();
    expect(slots.map((slot) => slot.ran.length)).toEqual([1, 0]);
    batcher!.add(item('2'));
    dispatcher.dispatch();
    expect(slots.map((slot) => slot.ran.length)).toEqual([1, 0]);
    now = 10;
    jest.advanceTimersByTime(10);
    expect(slots[1]!.ran).toEqual([{ version: 'm', ids: ['2'] }]);
    jest.useRealTimers();
  });

  it('passes over a version that no free slot holds and serves the next', () => {
    const slot = new StandInSlot(['b']);
    const { dispatcher, batchers } = setUp([slot], ['a', 'b']);
    batchers[0]!.add(item('1'));
    batchers[1]!.add(item('2'));
    dispatcher.dispatch();
    expect(slot.ran).toEqual([{ version: 'b', ids: ['2'] }]);
    expect(batchers[0]!.depth).toBe(1);
  });
});
