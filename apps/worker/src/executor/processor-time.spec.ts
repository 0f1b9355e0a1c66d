/** How a process that is given no processor is told from one that hangs. Real processes, on one processor. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { onLinux } from '../../../../test/support/linux.js';
import { isStarved, processorTime, type ProcessorTime } from './processor-time.js';
import { allowedProcessors } from './processors.js';

const SPIN = "console.log('up'); for (;;);";
const REST = "console.log('up'); setInterval(() => undefined, 1_000);";
const NEEDS_MS = 60_000;
const LOOKS_MS = 20;
let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(script: string, ...place: string[]): Promise<number> {
  const pinned = ['taskset', '-c', String(allowedProcessors().at(-1)), process.execPath, '-e', script];
  const [command = '', ...args] = [...place, ...pinned];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children = [...children, child];
  await once(child.stdout, 'data');
  return child.pid!;
}

/** Two looks at it, between which `enough` has become true. */
async function seen(pid: number, enough: (from: ProcessorTime, to: ProcessorTime) => boolean) {
  const from = processorTime(pid)!;
  for (;;) {
    const to = processorTime(pid)!;
    if (enough(from, to)) return { from, to };
    await new Promise((resolve) => setTimeout(resolve, LOOKS_MS));
  }
}

onLinux('a process that takes too long', () => {
  it('has been starved where it could have run, and others had the processor', async () => {
    const pid = await start(SPIN, 'chrt', '-i', '0');
    await start(SPIN);
    const { from, to } = await seen(pid, (_, to) => to.wants);
    expect(isStarved(from, to, NEEDS_MS)).toBe(true);
    // Had it been given what it needs, it would have ended.
    expect(isStarved(from, { ...to, ranMs: from.ranMs + NEEDS_MS }, NEEDS_MS)).toBe(false);
  });

  it('hangs where it waits for something else than a processor', async () => {
    const pid = await start(REST);
    const { from, to } = await seen(pid, (_, { wants }) => !wants);
    expect(isStarved(from, to, NEEDS_MS)).toBe(false);
  });

  it('hangs where it has had more of the processor than it needs', async () => {
    const pid = await start(SPIN);
    const { from, to } = await seen(pid, (a, b) => b.ranMs - a.ranMs > 200);
    expect(isStarved(from, to, 100)).toBe(false);
  });
});

it('nothing is said of a process that has ended', () => {
  expect(processorTime(2 ** 30)).toBeUndefined();
});
