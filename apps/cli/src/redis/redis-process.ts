/**
 * One running Redis server, as a child of this process. Its `start` settles when it answers, or says with the last
 * lines of its log why it does not. Invariant: a start that failed leaves no process behind.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Exit, Running } from '../serve/service.js';
import { redisCommand, redisUrl, type RedisSettings } from './redis-command.js';
import type { RedisProgram } from './redis-program.js';
import { runProgram } from './run-program.js';
import { waitForRedis } from './wait-for-redis.js';

const ORDERLY_MS = 10_000;

export interface StartOptions {
  program: RedisProgram;
  settings: RedisSettings;
  logFile: string;
  /** In a process group of its own, out of reach of a terminal's Ctrl-C. */
  detached: boolean;
  signal?: AbortSignal;
  report?: (line: string) => void;
  /** Called in the same turn as the start of the process. */
  onSpawn?: (handle: { pid: number } | { container: string }) => void;
}

export class RedisProcess implements Running {
  readonly exited: Promise<Exit>;
  readonly url: string;

  private constructor(
    readonly child: ChildProcess,
    private readonly container: string | undefined,
    settings: RedisSettings,
  ) {
    this.url = redisUrl(settings);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', (error) => resolve({ code: null, signal: null, reason: error.message }));
    });
  }

  static async start(options: StartOptions): Promise<RedisProcess> {
    const { program, settings, logFile, detached } = options;
    const { command, args, env, configuration, container } = redisCommand(program, settings);
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(command, args, { env, detached, stdio: ['pipe', log, log], windowsHide: true });
    closeSync(log);
    const handle = container === undefined ? child.pid !== undefined && { pid: child.pid } : { container };
    if (handle) options.onSpawn?.(handle);
    // A server that is gone before it has read its configuration reports itself through `exited`.
    child.stdin?.on('error', () => undefined).end(configuration);
    const redis = new RedisProcess(child, container, settings);
    try {
      await redis.ready(options);
    } catch (error) {
      await redis.stop();
      if (options.signal?.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Redis did not start: ${reason}\n${tail(logFile)}`, { cause: error });
    }
    return redis;
  }

  /** Orderly: the append-only file is written out. */
  async stop(): Promise<void> {
    if (!this.signal('SIGTERM')) return;
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.kill(), ORDERLY_MS);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.container !== undefined) void runProgram('docker', ['kill', this.container], { timeoutMs: 10_000 });
    else this.signal('SIGKILL');
  }

  /** False where there is no longer a process to signal. */
  signal(name: NodeJS.Signals): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.kill(name);
  }

  private async ready({ settings, signal, report }: StartOptions): Promise<void> {
    const ended = new AbortController();
    const waiting = waitForRedis({
      port: settings.port,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      ...(this.container === undefined && this.child.pid !== undefined && { pid: this.child.pid }),
      ...(settings.password !== undefined && { password: settings.password }),
      ...(report && { report }),
    });
    const died = this.exited.then((exit) => {
      throw new Error(exit.reason ?? `it ended with ${exit.signal ?? `code ${exit.code}`}`);
    });
    try {
      await Promise.race([waiting, died]);
    } finally {
      ended.abort();
      // Both lose sooner or later; whoever lost has nothing more to say.
      waiting.catch(() => undefined);
      died.catch(() => undefined);
    }
  }
}

function tail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5);
  return lines.map((line) => `  ${line}`).join('\n');
}
