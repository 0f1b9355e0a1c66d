// Proves: beside a bulk run callers wait no longer than for one bulk run more, and the worker does nine tenths of what it
// can in all, whatever the callers' share. In simulated time, for a machine's other work would hide it.
import { simulate, type SimulatedModel } from '../../../../test/fixtures/simulated-load.js';

const BULK_RUN_MS = 50;
const SECONDS = 100;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe.each<[string, SimulatedModel]>([
  ['30 ms a row, on two cores', { runMs: 30, decodeMs: 10, contention: 1 }],
  ['30 ms a row, on two threads of one core', { runMs: 30, decodeMs: 10, contention: 1.35 }],
  ['12 ms a row, on two cores', { runMs: 12, decodeMs: 10, contention: 1 }],
  ['12 ms a row, on two threads of one core', { runMs: 12, decodeMs: 10, contention: 1.35 }],
  ['4 ms a row, on two cores', { runMs: 4, decodeMs: 3, contention: 1 }],
])('pictures of %s, with bulk rows beside them', (_name, model) => {
  const capacity = simulate(model, { callers: 8, bulk: false, seconds: 30 }).perSecond;
  const alone = simulate(model, { bulk: true, seconds: 30 }).bulkPerSecond;

  it.each([10, 30, 50, 70])('keep to it at %i %% of what callers alone reach', (percent) => {
    const load = { perSecond: (capacity * percent) / 100, seconds: SECONDS };
    const without = simulate(model, { ...load, bulk: false });
    const beside = simulate(model, { ...load, bulk: true });
    expect(beside.p99).toBeLessThanOrEqual(without.p99 + BULK_RUN_MS);
    expect(beside.perSecond / capacity + beside.bulkPerSecond / alone).toBeGreaterThanOrEqual(0.9);
  });
});
