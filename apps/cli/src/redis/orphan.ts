/** Ends a Redis whose sluice was killed. Only the very process (or container) that the lock recorded is touched. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisHandle } from './data-dir-lock.js';
import { isSameProcess, type ProcessIdentity } from './process-identity.js';
import { runProgram } from './run-program.js';

const ORDERLY_MS = 10_000;

export async function stopOrphan(orphan: RedisHandle, report: (line: string) => void): Promise<void> {
  if ('container' in orphan) {
    await runProgram('docker', ['stop', '--time', '10', orphan.container], { timeoutMs: 30_000 });
    return;
  }
  if (!isSameProcess(orphan.process)) return;
  report(`The last sluice here was killed; stopping the Redis it left (process ${orphan.process.pid}).`);
  signal(orphan.process, 'SIGTERM');
  // Not a child of this process, so no event tells of its end.
  const end = performance.now() + ORDERLY_MS;
  while (isSameProcess(orphan.process)) {
    if (performance.now() > end) signal(orphan.process, 'SIGKILL');
    await delay(20);
  }
}

function signal({ pid }: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone in between is what was wanted; anything else (another user's process) has to be said.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
