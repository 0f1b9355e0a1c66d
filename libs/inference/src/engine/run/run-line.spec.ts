/** Which batches run next, and together, when some are ready and some are not. */
import type { PreparedBatch } from '../batch.js';
import type { Model } from '../model.js';
import { RunLine, type Lined } from './run-line.js';

const [a, b] = ['a', 'b'].map((name) => ({ description: { name } }) as Model) as [Model, Model];

function setUp() {
  const runs: number[][] = [];
  const overtook: number[] = [];
  let free = (): void => undefined;
  const line = new RunLine(
    (together) => {
      runs.push(together.map(({ batch }) => batch));
      return new Promise((resolve) => (free = resolve));
    },
    ({ batch }) => overtook.push(batch),
  );
  const add = (batch: number, model: Model, more: Partial<Lined & { rows: number }> = {}): Lined => {
    const { rows = 1, ...rest } = more;
    const lined = { batch, model, joins: false, most: 4, turn: 0, prepared: { rows } as PreparedBatch, ...rest };
    line.add(lined);
    return lined;
  };
  return {
    line,
    runs,
    overtook,
    add,
    /** The run is over. */
    ends: async (): Promise<void> => {
      free();
      await new Promise(setImmediate);
    },
  };
}

describe('the run line', () => {
  it('runs by turn, and says so when that is not the order in which batches came', async () => {
    const { line, runs, overtook, add, ends } = setUp();
    add(1, a, { turn: 0 });
    line.advance();
    add(2, a, { turn: 10 });
    add(3, a, { turn: 20 });
    add(4, b, { turn: 5 });
    for (let i = 0; i < 3; i++) await ends();
    expect(runs).toEqual([[1], [4], [2], [3]]);
    expect(overtook).toEqual([4]);
  });

  it('keeps the order within a model, and lets no other wait for what is still being prepared', async () => {
    const { line, runs, overtook, add, ends } = setUp();
    const slow = add(1, a, { prepared: undefined });
    add(2, a);
    add(3, b, { turn: 9 });
    line.advance();
    expect(runs).toEqual([[3]]);
    expect(overtook).toEqual([3]);
    await ends();
    expect(runs).toHaveLength(1);
    slow.prepared = { rows: 1 } as PreparedBatch;
    line.advance();
    await ends();
    expect(runs).toEqual([[3], [1], [2]]);
  });

  it('puts what may share a run together up to the rows that the first allows', async () => {
    const { line, runs, add, ends } = setUp();
    add(1, a, { joins: true, rows: 2 });
    add(2, b, { turn: 1 });
    add(3, a, { joins: true, rows: 2, turn: 2 });
    add(4, a, { joins: true, rows: 1, turn: 3 });
    line.advance();
    await ends();
    await ends();
    expect(runs).toEqual([[1, 3], [2], [4]]);
  });
});
