/** One process of the system under test: started from the build, its log kept, ended by its own id. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class Child {
  readonly exited: Promise<Exit>;
  private readonly process: ChildProcess;
  private text = '';
  private readonly waiting = new Set<() => void>();

  constructor(script: string, env: Record<string, string>, args: string[] = []) {
    this.process = spawn(process.execPath, [join(process.cwd(), script), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
        for (const look of this.waiting) look();
      });
    }
    this.exited = once(this.process, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
  }

  get pid(): number {
    return this.process.pid!;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Everything it has written. */
  get log(): string {
    return this.text;
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Resolves with the first match of `pattern` in its log, from `from` characters on. */
  async logged(
    pattern: RegExp,
    { from = 0, withinMs = 30_000 }: { from?: number; withinMs?: number } = {},
  ): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const done = (then: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        then();
      };
      const look = (): void => {
        const match = pattern.exec(this.text.slice(from));
        if (match) done(() => resolve(match));
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`${pattern} was not logged:\n${this.text.slice(-4_000)}`))),
        withinMs,
      );
      this.waiting.add(look);
      void this.exited.then(() =>
        done(() => reject(new Error(`ended before ${pattern} was logged:\n${this.text.slice(-4_000)}`))),
      );
      look();
    });
  }

  /** SIGTERM, and how it ended; SIGKILL after `graceMs`. */
  async stop(graceMs = 30_000): Promise<Exit> {
    if (this.running) this.kill('SIGTERM');
    const late = setTimeout(() => this.kill('SIGKILL'), graceMs);
    const exit = await this.exited;
    clearTimeout(late);
    return exit;
  }
}
