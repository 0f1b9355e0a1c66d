/**
 * One verification's child: started confined, in an empty working directory of its own, watched, and gone afterwards
 * with all that it wrote.
 *
 * Invariants: `runSandboxed` settles within the time limit and a few seconds, whatever the child does; no more is read
 * from it than the limits below, and nothing of what it prints leaves here; when it settles, the child and everything
 * that it started is dead and its directory removed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { sandboxEnv } from '../config.js';
import { lowerPriority } from '../low-priority.js';
import { confinedCommand } from './confinement.js';
import { ANSWERS_FD, type VerifyOrder } from './verifier-lines.js';

export interface SandboxOptions {
  entry: URL;
  order: VerifyOrder;
  timeoutMs: number;
  /** Takes a line of the child; false ends it. */
  line(text: string): boolean;
  signal?: AbortSignal | undefined;
}

export type SandboxEnd =
  /** `line` had enough. */
  | { cause: 'done' }
  | { cause: 'timeout' }
  /** It said or printed more than is read. */
  | { cause: 'flood' }
  | { cause: 'unstartable'; why: string }
  /** `how`: the signal, or "exit <code>". */
  | { cause: 'died'; how: string; memory: boolean };

const PREFIX = 'sluice-verify-';
const MAX_ANSWER_LENGTH = 4 * 1024 * 1024;
const MAX_PRINTED_BYTES = 1024 * 1024;
const TAIL_BYTES = 16 * 1024;
/** From the kill to the news of it: longer only where the kernel itself is stuck. */
const KILL_MS = 5_000;
/** What V8 and C++ print last when memory cannot be had. */
const NO_MEMORY = /out of memory|bad_alloc|allocation failed|failed to (re)?allocate|cannot allocate memory/i;

/** @throws the signal's reason once the child is gone. */
export async function runSandboxed(options: SandboxOptions): Promise<SandboxEnd> {
  options.signal?.throwIfAborted();
  // The real path, for the permission model compares paths as they are.
  const work = await mkdtemp(join(await realpath(tmpdir()), PREFIX));
  try {
    return await new Confined(options, work).ended;
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

class Confined {
  readonly ended: Promise<SandboxEnd>;
  private readonly child: ChildProcess;
  private end: SandboxEnd | undefined;
  private rest = '';
  private answered = 0;
  private printed = 0;
  private tail = '';

  constructor(
    private readonly options: SandboxOptions,
    work: string,
  ) {
    const { entry, order, timeoutMs, signal } = options;
    const { settings, directory, memoryBytes } = order;
    const isCpuOnly = settings.providers.every((provider) => provider === 'cpu');
    const { threads } = settings;
    const [command, args] = confinedCommand({
      ...{ entry, work, timeoutMs, memoryBytes, threads, isCpuOnly },
      reads: [directory],
    });
    this.child = spawn(command, args, {
      cwd: work,
      env: sandboxEnv({ ORT_DISABLE_TELEMETRY: '1', TMPDIR: work, TEMP: work, TMP: work }),
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      // A group of its own, to be killed as one; and Ctrl-C at a terminal is for whoever started it.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    lowerPriority(this.child);
    const stopped = (): void => this.kill();
    signal?.addEventListener('abort', stopped, { once: true });
    if (signal?.aborted) this.kill();
    const late = setTimeout(() => this.finish({ cause: 'timeout' }), timeoutMs);
    this.ended = new Promise<SandboxEnd>((resolve, reject) => {
      const settle = (how: string): void => {
        clearTimeout(late);
        clearTimeout(stuck);
        signal?.removeEventListener('abort', stopped);
        for (const stream of this.child.stdio) stream?.destroy();
        if (this.end) return resolve(this.end);
        if (signal?.aborted) return reject(signal.reason as Error);
        resolve({ cause: 'died', how, memory: NO_MEMORY.test(this.tail) });
      };
      const stuck = setTimeout(() => settle('not to be killed'), timeoutMs + KILL_MS);
      this.child.once('error', (error) => {
        this.end ??= { cause: 'unstartable', why: error.message };
        settle('');
      });
      let how = '';
      this.child.once('exit', (code, killer) => {
        how = killer ?? `exit ${code}`;
        this.kill();
      });
      // Once what it said last has been read as well.
      this.child.once('close', () => settle(how));
    });
    this.listen();
    this.child.stdin!.write(`${JSON.stringify(order)}\n`);
  }

  private listen(): void {
    const { stdin, stdout, stderr, stdio } = this.child;
    const answers = stdio[ANSWERS_FD] as Readable;
    // One that has died takes no more; how it died is told by its exit.
    for (const stream of [stdin!, answers]) stream.on('error', () => undefined);
    for (const stream of [stdout!, stderr!]) {
      stream.on('error', () => undefined);
      stream.on('data', (bytes: Buffer) => {
        this.printed += bytes.length;
        this.tail = (this.tail + bytes.toString('latin1')).slice(-TAIL_BYTES);
        if (this.printed > MAX_PRINTED_BYTES) this.finish({ cause: 'flood' });
      });
    }
    answers.setEncoding('utf8').on('data', (text: string) => this.read(text));
  }

  private read(text: string): void {
    this.answered += text.length;
    if (this.answered > MAX_ANSWER_LENGTH) return this.finish({ cause: 'flood' });
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (this.end) return;
      if (!this.options.line(line)) this.finish({ cause: 'done' });
    }
  }

  private finish(end: SandboxEnd): void {
    this.end ??= end;
    this.kill();
  }

  /** With everything that it may have started. */
  private kill(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      if (process.platform === 'win32') this.child.kill('SIGKILL');
      else process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}
