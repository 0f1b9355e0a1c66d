/** How long runs take by their size: the line that a worker starts from, and the size from which on more rows gain little. */
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

/** Of each size: a run by chance says little. */
const RUNS = 5;
const MAX_POWERS = 12;

export async function checkLatency(subject: Subject): Promise<Outcome> {
  const { rows, kinds, order, at, runner, maxRows = 1 } = subject;
  const { times, alike } = rows!;
  const row: ExecutorInput = kinds![0]!.rows.at(-1)!;
  rows!.timeBy(row);
  const end = performance.now() + order.latencyMs;
  for (const size of sizesTo(maxRows)) {
    const batch = Array.from({ length: size }, () => row);
    runner.expect(times.estimate(size));
    while (alike.count(size) < RUNS && (alike.count(1) === 0 || performance.now() + times.estimate(size) < end)) {
      at(`a run of ${size} rows for its time`);
      await rows!.run(batch);
    }
  }
  subject.found({ latency: alike.profile() });
  return PASSED;
}

/** 1, 2, 4 … and the largest. */
function sizesTo(most: number): number[] {
  const powers = Array.from({ length: MAX_POWERS }, (_, i) => 2 ** i).filter((size) => size < most);
  return [...powers, most];
}
