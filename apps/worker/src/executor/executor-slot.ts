/**
 * One run slot: an executor that is started again whenever it dies, with everything it held.
 *
 * Invariants: the first restart is immediate, further ones that follow a start which came to nothing wait longer
 * each time; a slot serves a version only while a living executor holds it.
 */
import type { ExecutorSettings, LoadedModel, Sealed, Slot } from '#inference';
import type { Part } from '../predictions/part.js';
import { ExecutorProcess, type RunOutcome, type RunRequest } from './executor-process.js';

const MAX_BACKOFF_MS = 10_000;
const FIRST_BACKOFF_MS = 250;
const NO_TURNS: readonly number[] = [];

export interface SlotOptions {
  entry: string;
  settings: ExecutorSettings;
  /** Package folders that a new executor must hold, by version key. */
  packages(): Iterable<[key: string, directory: string]>;
  loaded(key: string, model: LoadedModel): void;
  refused(key: string, reason: string): void;
  /** The slot may take work, or more kinds of it. */
  open(): void;
  /** The executor has everything that it can hold. */
  filled(pid: number | undefined): void;
  died(cause: string): void;
  /** The executor says that it cannot start at all. */
  unable(message: string): void;
  run(where: Where, batch: Sealed<Part>): void;
}

export interface Where {
  slot: ExecutorSlot;
  version: string;
  turn: number;
}

export class ExecutorSlot implements Slot<Part> {
  private executor: ExecutorProcess | undefined;
  private readonly held = new Set<string>();
  private readonly deaths = new Map<string, number>();
  private fruitless = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: SlotOptions) {}

  /** True unless its executor keeps dying before it is of any use. */
  get usable(): boolean {
    return this.fruitless < 3;
  }

  get outstanding(): number {
    return this.executor?.outstanding ?? 0;
  }

  get rows(): number {
    return this.executor?.rows ?? 0;
  }

  get joins(): boolean {
    return this.executor?.joins ?? false;
  }

  get turns(): readonly number[] {
    return this.executor?.turns ?? NO_TURNS;
  }

  get pid(): number | undefined {
    return this.executor?.pid;
  }

  serves(version: string): boolean {
    return this.held.has(version);
  }

  start(): void {
    if (this.stopped) return;
    const executor = new ExecutorProcess(this.options.entry, this.options.settings, {
      ready: () => void this.fill(executor),
      unable: (message) => this.options.unable(message),
      exited: (cause, asked) => this.ended(cause, asked),
    });
    this.executor = executor;
  }

  run(version: string, batch: Sealed<Part>, turn: number): void {
    this.options.run({ slot: this, version, turn }, batch);
  }

  execute(request: RunRequest): Promise<RunOutcome> {
    return this.executor!.run(request);
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.executor?.stop(graceMs);
  }

  private async fill(executor: ExecutorProcess): Promise<void> {
    for (const [key, directory] of this.options.packages()) {
      try {
        const model = await executor.load(directory);
        if (this.executor !== executor) return;
        this.held.add(key);
        this.options.loaded(key, model);
        this.options.open();
      } catch (error) {
        const died = this.executor !== executor;
        // One death may be an accident; a second while the same package loads is that package's doing.
        const deaths = (this.deaths.get(key) ?? 0) + 1;
        this.deaths.set(key, deaths);
        if (!died || deaths > 1) this.options.refused(key, error instanceof Error ? error.message : String(error));
        if (died) return;
      }
    }
    this.fruitless = 0;
    this.options.filled(executor.pid);
  }

  private ended(cause: string, asked: boolean): void {
    this.executor = undefined;
    this.held.clear();
    if (asked || this.stopped) return;
    this.options.died(cause);
    const wait = this.fruitless === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.fruitless);
    this.fruitless++;
    this.timer = setTimeout(() => this.start(), wait);
  }
}
