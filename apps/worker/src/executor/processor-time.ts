/**
 * What a process has had of the processors, and how long it waited for one: a run in the idle class that is not given any
 * must not be taken for one that hangs. Source: /proc/<pid>/task/<tid>/schedstat (Linux, Documentation/scheduler/sched-stats).
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessorTime {
  /** Milliseconds of performance.now(). */
  at: number;
  ranMs: number;
  /** Of all its threads that could have run. */
  waitedMs: number;
}

/** Undefined where the system does not tell, or the process has ended. */
export function processorTime(pid: number | undefined): ProcessorTime | undefined {
  const folder = `/proc/${pid}/task`;
  try {
    let [ran, waited] = [0, 0];
    for (const thread of readdirSync(folder)) {
      const [onProcessor, inLine] = readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ').map(Number);
      ran += onProcessor!;
      waited += inLine!;
    }
    return { at: performance.now(), ranMs: ran / 1e6, waitedMs: waited / 1e6 };
  } catch {
    return undefined;
  }
}

/** Whether it wanted to run for most of the time and yet has not had `needsMs`. */
export function isStarved(from: ProcessorTime, to: ProcessorTime, needsMs: number): boolean {
  const wanted = to.ranMs - from.ranMs + (to.waitedMs - from.waitedMs);
  return wanted >= (to.at - from.at) / 2 && to.ranMs - from.ranMs < needsMs;
}
