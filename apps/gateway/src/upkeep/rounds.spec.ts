/** One thing again and again: its own pace, patience after failures, and an end. */
import { Rounds } from './rounds.js';

describe('rounds', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('come when the one before has asked for them', async () => {
    const run = jest.fn(() => Promise.resolve(300));
    const rounds = new Rounds({ run, failed: () => undefined });
    rounds.start();
    rounds.start();
    await jest.advanceTimersByTimeAsync(0);
    expect(run).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(299);
    expect(run).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(2);
    await rounds.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('come rarer while they fail, tell each reason once, and recover', async () => {
    let reason: string | undefined = 'away';
    const run = jest.fn(() => (reason ? Promise.reject(new Error(reason)) : Promise.resolve(1)));
    const told: string[] = [];
    const rounds = new Rounds({ run, failed: (each) => told.push(each) });
    rounds.start();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(run.mock.calls.length).toBeLessThan(20);
    reason = 'full';
    await jest.advanceTimersByTimeAsync(6_000);
    reason = undefined;
    await jest.advanceTimersByTimeAsync(6_000);
    reason = 'full';
    await jest.advanceTimersByTimeAsync(100);
    expect(told).toEqual(['away', 'full', 'full']);
    await rounds.stop();
  });

  it('stop after the one in hand, and never run twice at once', async () => {
    let running = 0;
    let most = 0;
    let finish: () => void = () => undefined;
    const rounds = new Rounds({
      run: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => (finish = resolve));
        running--;
        return 1;
      },
      failed: () => undefined,
    });
    rounds.start();
    await jest.advanceTimersByTimeAsync(0);
    const stopped = rounds.stop();
    rounds.start();
    await jest.advanceTimersByTimeAsync(1_000);
    finish();
    await stopped;
    await jest.advanceTimersByTimeAsync(1_000);
    expect([most, running]).toEqual([1, 1]);
    const again = rounds.stop();
    finish();
    await again;
    expect(running).toBe(0);
  });
});
