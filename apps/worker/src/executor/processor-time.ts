/**
 * What a process has had of the processors, and whether it wants one: a run in the idle class that is not given any must
 * not be taken for one that hangs. Source: /proc/<pid>/task/<tid>/stat and schedstat (Linux, proc(5)). How long a thread has
 * waited is of no use: the kernel counts it when the wait is over.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessorTime {
  ranMs: number;
  /** A thread of it runs, waits for a processor, or for a page of its memory. */
  wants: boolean;
}

/** Undefined where the system does not tell, or the process has ended. */
export function processorTime(pid: number | undefined): ProcessorTime | undefined {
  const folder = `/proc/${pid}/task`;
  try {
    let [ran, wants] = [0, false];
    for (const thread of readdirSync(folder)) {
      ran += Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ')[0]);
      wants ||= /\) [RD] [^)]*$/.test(readFileSync(`${folder}/${thread}/stat`, 'latin1'));
    }
    return { ranMs: ran / 1e6, wants };
  } catch {
    return undefined;
  }
}

/** Whether it wants to run and yet has not had `needsMs` since. */
export function isStarved(from: ProcessorTime, to: ProcessorTime, needsMs: number): boolean {
  return to.wants && to.ranMs - from.ranMs < needsMs;
}
