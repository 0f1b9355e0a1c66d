/** When a run in the background that is late counts as hung. Real processes, on one processor. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onLinux } from '../../../../test/support/linux.js';
import { until } from '../../../../test/support/until.js';
import { ExecutorProcess, type RunRequest } from './executor-process.js';
import { processorTime } from './processor-time.js';
import { allowedProcessors } from './processors.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-executor-'));
const processors = [allowedProcessors().at(-1) ?? 0];
const WORKS_MS = 50;
/** A run needs a twentieth of it, by what is known of it. */
const ORDER: RunRequest = { model: 'a:1', inputs: [], joins: false, most: 1, turn: 0, timeoutMs: 2_000 };
let executor: ExecutorProcess;
let other: ChildProcess | undefined;
afterAll(() => rmSync(folder, { recursive: true }));

/** A stand-in for an executor, that does this with a run. */
async function start(name: string, onRun: string): Promise<void> {
  const entry = join(folder, `${name}.mjs`);
  const listens = `process.on('message', (message) => message.kind === 'run' && run(message));`;
  writeFileSync(entry, `${listens}\nprocess.send({ kind: 'ready' });\nfunction run({ batch }) { ${onRun} }`);
  const settings = { threads: 1, providers: ['cpu'], isBackground: true, processors };
  await new Promise<void>((ready) => {
    const none = (): void => undefined;
    executor = new ExecutorProcess(entry, settings, { ready, unable: none, exited: none });
  });
}

onLinux('a run in the background that is late', () => {
  afterEach(async () => {
    other?.kill('SIGKILL');
    other = undefined;
    await executor.stop(0);
  });

  it('lives on while others have the processor, and ends when they leave it', async () => {
    const ran = `{ kind: 'ran', batch, results: [], bytes: Buffer.alloc(0), run: { rows: 0, inferMs: 0, leads: true } }`;
    const works = `const used = () => process.cpuUsage().user / 1000; const from = used(); while (used() - from < ${WORKS_MS});`;
    await start('starved', `${works} process.send(${ran});`);
    const spin = ['-c', String(processors[0]), process.execPath, '-e', "console.log('up'); for (;;);"];
    other = spawn('taskset', spin, { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(other.stdout!, 'data');
    const outcome = executor.run(ORDER);
    // Late, looked at, and looked at again.
    const long = performance.now() + ORDER.timeoutMs + 2_500;
    await until('it has waited for long', () => performance.now() > long);
    other.kill('SIGKILL');
    expect(await outcome).toMatchObject({ kind: 'ran' });
  });

  it('is killed where it waits for no processor', async () => {
    await start('dead', '');
    expect(await executor.run(ORDER)).toEqual({ kind: 'died', cause: 'hung', suspect: true });
  });

  it('is killed where it has had more of one than it needs', async () => {
    await start('endless', 'for (;;);');
    expect(await executor.run(ORDER)).toEqual({ kind: 'died', cause: 'hung', suspect: true });
    expect(processorTime(executor.pid)).toBeUndefined();
  });
});
