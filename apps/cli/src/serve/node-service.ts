/**
 * A Node program of ours as a service. It runs in a process group of its own, so that a terminal's Ctrl-C reaches only
 * this process, which then stops all in order; the IPC channel tells it when this process is gone. Invariant: when a run
 * has ended, nothing of its process group is left.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { SERVICE_OPTIONS } from '#inference';
import type { Exit, Running, Service } from './service.js';

export interface NodeServiceOptions {
  name: string;
  script: string;
  env: NodeJS.ProcessEnv;
  /** How long it may take to drain before it is killed; longer than it allows itself. */
  stopLimitMs: number;
  report: (line: string) => void;
}

export class NodeService implements Service {
  readonly name: string;

  constructor(private readonly options: NodeServiceOptions) {
    this.name = options.name;
  }

  start(): Promise<Running> {
    const { script, env } = this.options;
    const child = fork(script, [], {
      env,
      detached: true,
      execArgv: [...process.execArgv, ...SERVICE_OPTIONS],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return Promise.resolve(new NodeRun(child, this.options));
  }
}

class NodeRun implements Running {
  readonly exited: Promise<Exit>;

  constructor(
    private readonly child: ChildProcess,
    private readonly options: NodeServiceOptions,
  ) {
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.killGroup();
        resolve({ code, signal });
      });
      child.once('error', (error) => resolve({ code: null, signal: null, reason: error.message }));
    });
  }

  async stop(): Promise<void> {
    const { name, stopLimitMs, report } = this.options;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => {
      report(`The ${name} has not ended ${Math.round(stopLimitMs / 1000)} s after it was asked to; killing it.`);
      this.kill();
    }, stopLimitMs);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) this.killGroup();
  }

  private killGroup(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group has nobody left, or this system has no groups; then the process itself is all there is.
      this.child.kill('SIGKILL');
    }
  }
}
