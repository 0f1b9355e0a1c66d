import type { Exit, Running, Service } from './service.js';
import { Supervised } from './supervised.js';

class FakeService implements Service {
  readonly name = 'worker';
  readonly runs: { end: (exit: Exit) => void; stopped: boolean }[] = [];
  private started: (() => void)[] = [];

  start(): Promise<Running> {
    let end: (exit: Exit) => void = () => undefined;
    const exited = new Promise<Exit>((resolve) => (end = resolve));
    const run = { end, stopped: false };
    this.runs.push(run);
    this.started.splice(0).forEach((tell) => tell());
    const stop = () => {
      run.stopped = true;
      end({ code: 0, signal: null });
      return Promise.resolve();
    };
    return Promise.resolve({ exited, stop, kill: () => end({ code: null, signal: 'SIGKILL' }) });
  }

  nextStart(): Promise<void> {
    return new Promise((resolve) => this.started.push(resolve));
  }
}

describe('a supervised service', () => {
  const crash: Exit = { code: 7, signal: null };
  const make = () => {
    const service = new FakeService();
    const ending = new AbortController();
    const lines: string[] = [];
    let givenUp: (message: string) => void = () => undefined;
    const gaveUp = new Promise<string>((resolve) => (givenUp = resolve));
    const report = (line: string) => lines.push(line);
    const { signal } = ending;
    const supervised = new Supervised({ service, report, onGivenUp: givenUp, signal, firstBackoffMs: 1 });
    return { service, ending, lines, gaveUp, supervised };
  };

  it('is started again when it ends, and its exit code is told', async () => {
    const { service, lines, supervised, ending } = make();
    await supervised.start();
    const again = service.nextStart();
    service.runs[0]?.end(crash);
    await again;
    expect(service.runs).toHaveLength(2);
    expect(lines).toEqual([expect.stringMatching(/worker ended unexpectedly \(exit code 7\).*1 of 5/)]);
    ending.abort();
    await supervised.stop();
    expect(service.runs[1]?.stopped).toBe(true);
  });

  it('is given up after five new starts within a minute', async () => {
    const { service, gaveUp, supervised } = make();
    await supervised.start();
    for (let run = 0; run < 5; run += 1) {
      const again = service.nextStart();
      service.runs[run]?.end(crash);
      await again;
    }
    service.runs[5]?.end(crash);
    expect(await gaveUp).toMatch(/worker ended unexpectedly \(exit code 7\)/);
    expect(service.runs).toHaveLength(6);
  });

  it('is not started again once it is to stop', async () => {
    const { service, supervised, ending } = make();
    await supervised.start();
    ending.abort();
    await supervised.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(service.runs).toHaveLength(1);
  });
});
