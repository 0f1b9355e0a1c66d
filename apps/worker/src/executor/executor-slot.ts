/**
 * One run slot: an executor that is started again whenever it dies, and that holds what its worker says, whatever
 * changes meanwhile.
 *
 * Invariants: the first restart is immediate, further ones that follow a start which came to nothing wait longer
 * each time; a slot serves a version only while a living executor holds it; one thing is loaded or unloaded at a time,
 * what goes before what comes.
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
  /** Package folders that an executor is to hold, by version key, the most urgent first. */
  packages(): Iterable<[key: string, directory: string]>;
  loaded(key: string, model: LoadedModel): void;
  refused(key: string, reason: string): void;
  /** Its executor has grown in one of the first runs of a version. */
  grew(key: string, slot: ExecutorSlot, bytes: number): void;
  /** Memory of versions is free. */
  released(): void;
  /** The slot may take work, or more kinds of it. */
  open(): void;
  /** A new executor has everything that it can hold. */
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
  private isReady = false;
  private isFilling = false;
  private isFilled = false;
  private readonly held = new Set<string>();
  private readonly refused = new Set<string>();
  /** What is being loaded or unloaded. */
  private moving: string | undefined;
  private readonly deaths = new Map<string, number>();
  private fruitless = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: SlotOptions) {}

  /** True unless its executor keeps dying before it is of any use. */
  get usable(): boolean {
    return this.fruitless < 3;
  }

  /** Its executor has started. */
  get isUp(): boolean {
    return this.isReady;
  }

  get isBackground(): boolean {
    return this.options.settings.isBackground ?? false;
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

  serves(version: string): boolean {
    return this.held.has(version);
  }

  /** Whether it takes memory here, also while it comes or goes. */
  holds(version: string): boolean {
    return this.held.has(version) || this.moving === version;
  }

  start(): void {
    if (this.stopped) return;
    const executor = new ExecutorProcess(this.options.entry, this.options.settings, {
      ready: () => {
        this.isReady = true;
        this.fill();
      },
      unable: (message) => this.options.unable(message),
      exited: (cause, asked) => this.ended(cause, asked),
    });
    this.executor = executor;
  }

  /** To be called when what it is to hold has changed. */
  fill(): void {
    // What it works through is looked at again at every step.
    if (this.isReady && !this.isFilling) void this.fillUp(this.executor!);
  }

  run(version: string, batch: Sealed<Part>, turn: number): void {
    this.options.run({ slot: this, version, turn }, batch);
  }

  async execute(request: RunRequest): Promise<RunOutcome> {
    const outcome = await this.executor!.run(request);
    const bytes = outcome.kind === 'ran' ? outcome.run.grownBytes : undefined;
    if (bytes !== undefined) this.options.grew(request.model, this, bytes);
    return outcome;
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.executor?.stop(graceMs);
  }

  private async fillUp(executor: ExecutorProcess): Promise<void> {
    this.isFilling = true;
    for (let step = this.nextStep(executor); step; step = this.nextStep(executor)) {
      await step();
      if (this.executor !== executor) return;
      this.moving = undefined;
    }
    this.isFilling = false;
    this.fruitless = 0;
    if (!this.isFilled) this.options.filled(executor.pid);
    this.isFilled = true;
  }

  /** What brings it nearer to what it is to hold. */
  private nextStep(executor: ExecutorProcess): (() => Promise<void>) | undefined {
    const packages = new Map(this.options.packages());
    for (const key of this.refused) if (!packages.has(key)) this.refused.delete(key);
    for (const key of this.held) if (!packages.has(key)) return () => this.unload(executor, key);
    for (const [key, directory] of packages) {
      if (!this.held.has(key) && !this.refused.has(key)) return () => this.load(executor, key, directory);
    }
    return undefined;
  }

  private async unload(executor: ExecutorProcess, key: string): Promise<void> {
    this.held.delete(key);
    this.moving = key;
    await executor.unload(key);
    if (this.executor !== executor) return;
    this.moving = undefined;
    this.options.released();
  }

  private async load(executor: ExecutorProcess, key: string, directory: string): Promise<void> {
    this.moving = key;
    try {
      const model = await executor.load(directory);
      if (this.executor !== executor) return;
      this.held.add(key);
      this.deaths.delete(key);
      this.options.loaded(key, model);
      this.options.open();
    } catch (error) {
      const died = this.executor !== executor;
      // One death may be an accident; a second while the same package loads is that package's doing.
      const deaths = (this.deaths.get(key) ?? 0) + 1;
      this.deaths.set(key, deaths);
      if (died && deaths < 2) return;
      this.deaths.delete(key);
      if (!died) {
        this.moving = undefined;
        this.refused.add(key);
      }
      this.options.refused(key, error instanceof Error ? error.message : String(error));
      // Whoever lets go of it has waited for this load, too.
      this.options.released();
    }
  }

  private ended(cause: string, asked: boolean): void {
    this.executor = undefined;
    this.isReady = this.isFilling = this.isFilled = false;
    this.moving = undefined;
    this.held.clear();
    this.refused.clear();
    if (asked || this.stopped) return;
    this.options.died(cause);
    this.options.released();
    const wait = this.fruitless === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.fruitless);
    this.fruitless++;
    this.timer = setTimeout(() => this.start(), wait);
  }
}
