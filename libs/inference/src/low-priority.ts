/** Children that give way to what serves callers, on the machine's processors. */
import type { ChildProcess } from 'node:child_process';
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;

/**
 * Below this process's own priority, which takes no right. To be called at once: threads have the priority that their
 * process has when they begin.
 */
export function lowerPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(PRIORITY_LOW, getPriority() + PRIORITY_BELOW_NORMAL));
  } catch {
    // It has ended already, or the system does not allow it: then it runs like any other.
  }
}
