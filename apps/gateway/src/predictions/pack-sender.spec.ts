/** When packs go, on a clock of the test's own. */
import { SluiceError, type Pack, type PackQueue } from '#inference';
import type { GatewayContext } from '../context.js';
import { PackSender } from './pack-sender.js';
import { PendingPrediction, type Reply } from './pending-prediction.js';

/** A sender of a tiny model's predictions, and its packs as they go. */
function setUp(): { send: () => PendingPrediction; packs: Pack[] } {
  const packs: Pack[] = [];
  const queue = {
    add: ({ pack }: { pack: Pack }) => Promise.resolve(void packs.push(pack)),
  } as unknown as PackQueue;
  const context = { id: 'g', metrics: { packSize: { observe: () => undefined } } } as unknown as GatewayContext;
  const labels = { model: 'm', version: '1' };
  const sender = new PackSender({ context, queue, labels, credits: () => 1, allCredits: () => 4 });
  let count = 0;
  return {
    packs,
    send: () => {
      const item = { id: `p${count++}`, request: 'r', rows: 1, deadline: 0, accepted: 0, type: 'tensors' as const };
      const prediction = new PendingPrediction(item, [new Uint8Array(8)], 10_000);
      sender.send(prediction);
      return prediction;
    },
  };
}

async function passing(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
}

/** Packs of one, each answered after so long. */
async function answered(send: () => PendingPrediction, afterMs: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const prediction = send();
    await passing(1);
    // What gathers goes a while later.
    while (!prediction.sent) await passing(1);
    await passing(afterMs);
    prediction.answer({} as Reply);
    await passing(0);
  }
}

describe('packs of a tiny model', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('go at once while packs come back as fast as ever', async () => {
    const { send, packs } = setUp();
    await answered(send, 4, 20);
    send();
    await passing(1);
    send();
    await passing(1);
    expect(packs.slice(20).map(({ items }) => items.length)).toEqual([1]);
  });

  it('go at once although others, which failed, were back sooner', async () => {
    const { send, packs } = setUp();
    const refused = send();
    await passing(1);
    refused.fail(new SluiceError('QUEUE_UNAVAILABLE', 'Redis is full.'));
    await answered(send, 8, 20);
    send();
    await passing(1);
    expect(packs).toHaveLength(22);
  });

  it('gather what arrives within a few milliseconds of each other once packs have become slow', async () => {
    const { send, packs } = setUp();
    await answered(send, 4, 20);
    await answered(send, 40, 10);
    for (let i = 0; i < 4; i++) {
      send();
      await passing(2);
    }
    expect(packs).toHaveLength(30);
    await passing(4);
    expect(packs.slice(30).map(({ items }) => items.length)).toEqual([4]);
  });
});
