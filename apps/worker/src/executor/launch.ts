/**
 * Starts the process of an executor, by the system's own tools where it is to be placed: what serves bulk rows in the
 * idle class, of which the system takes a processor at once when anything else wakes up and which it counts as nothing
 * when it looks for a free one; on processors of its own where the worker pins.
 *
 * Invariant: both hold from the process's first instruction, hence for all its threads. Where the idle class cannot be
 * had, a background executor is of lower priority than its worker.
 */
import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { childEnv, EXECUTOR_ENV, lowerPriority, type ExecutorSettings } from '#inference';

const IDLE = ['chrt', '-i', '0'] as const;
const found = new Map<string, boolean>();

export function launch(entry: string, settings: ExecutorSettings): ChildProcess {
  const { isBackground = false, processors } = settings;
  const idle = isBackground && hasIdleClass() ? IDLE : [];
  const [execPath, ...before] = [...idle, ...(processors ? pinnedTo(processors) : []), process.execPath];
  const child = fork(entry, [JSON.stringify(settings)], {
    execPath,
    execArgv: [...before, ...process.execArgv],
    serialization: 'advanced',
    env: childEnv(EXECUTOR_ENV),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (isBackground && idle.length === 0) lowerPriority(child);
  return child;
}

/** Whether the idle class can be had. */
export function hasIdleClass(): boolean {
  return runs(IDLE);
}

/** Whether executors can be pinned to these. */
export function canPinTo(processors: readonly number[]): boolean {
  return processors.length > 0 && runs(pinnedTo(processors));
}

function pinnedTo(processors: readonly number[]): string[] {
  return ['taskset', '-c', processors.join(',')];
}

/** Asked once: a tool that is not there, or whose call the container forbids, stays so. */
function runs([command, ...args]: readonly string[]): boolean {
  const known = found.get(command!);
  if (known !== undefined) return known;
  const { status } = spawnSync(command!, [...args, 'true'], { stdio: 'ignore' });
  found.set(command!, status === 0);
  return status === 0;
}
