/**
 * The Node programs that the benchmark starts, their logs and their end.
 *
 * Invariant: whichever way this process ends in order, none of them is left; only processes that were started here are
 * ever signalled, each by its own handle.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ChildOptions {
  name: string;
  script: string;
  /** Handed over as one argument in JSON; read with `childSettings`. */
  settings?: unknown;
  env: NodeJS.ProcessEnv;
  /** Of Node. */
  execArgv?: readonly string[];
}

const STOP_LIMIT_MS = 10_000;

export class Children {
  private readonly running = new Set<ChildProcess>();
  private logs = 0;

  constructor(private readonly logDir: string) {
    process.on('exit', () => this.running.forEach((child) => child.kill('SIGKILL')));
  }

  start({ name, script, settings, env, execArgv = [] }: ChildOptions): Child {
    const logFile = join(this.logDir, `${name.replaceAll(' ', '-')}-${++this.logs}.log`);
    const log = openSync(logFile, 'a', 0o600);
    const args = settings === undefined ? [] : [JSON.stringify(settings)];
    const child = fork(script, args, { env, execArgv: [...execArgv], stdio: ['ignore', log, log, 'ipc'] });
    closeSync(log);
    this.running.add(child);
    child.once('exit', () => this.running.delete(child));
    return new Child(name, child, logFile);
  }
}

export class Child {
  readonly exited: Promise<void>;

  constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    private readonly logFile: string,
  ) {
    this.exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  send(message: object): void {
    this.child.send(message, () => undefined);
  }

  /** The next message of this kind. Rejects, with the end of the log, if the child ends first. */
  next<Message extends { kind: string }, Kind extends Message['kind']>(
    kind: Kind,
  ): Promise<Extract<Message, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const receive = (message: unknown): void => {
        if ((message as Message).kind !== kind) return;
        isSettled = true;
        this.child.off('message', receive);
        resolve(message as Extract<Message, { kind: Kind }>);
      };
      this.child.on('message', receive);
      void this.exited.then(() => isSettled || reject(this.failure()));
    });
  }

  failure(): Error {
    const lines = readFileSync(this.logFile, 'utf8').trim().split('\n').slice(-8);
    return new Error(`The ${this.name} ended unexpectedly.\n${lines.map((line) => `  ${line}`).join('\n')}`);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Asks, and after a while insists. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.exited;
    clearTimeout(timer);
  }
}
