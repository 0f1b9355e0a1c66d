/**
 * One executor child: starts it, loads packages into it, runs batches on it, ends it.
 *
 * Invariants: every batch handed over comes back exactly once, as an answer or as the reason why there is none; the
 * watchdog watches the batch at the head (runs go in order) and kills the whole child, for a run cannot be cancelled;
 * a death that was asked for blames no batch.
 */
import type { ChildProcess } from 'node:child_process';
import type { ExecutorSettings, FromExecutor, LoadedModel, RunOrder, ToExecutor } from '#inference';
import { launch } from './launch.js';
import { isStarved, processorTime, type ProcessorTime } from './processor-time.js';

/** A package whose trial run never ends must not hold up the packages behind it. */
const LOAD_TIMEOUT_MS = 120_000;
/** What takes a second takes twenty in the background, where two threads of callers want the processor too. */
export const BACKGROUND_PATIENCE = 20;
/** How often one that is late all the same is looked at. */
const LOOK_AGAIN_MS = 1_000;

export type Ran = Extract<FromExecutor, { kind: 'ran' }>;
export type RunOutcome =
  | Ran
  /** The executor is well, the run threw. */
  | { kind: 'broke'; message: string; shared: boolean }
  /** The executor is gone; `suspect` when this batch may be the reason. */
  | { kind: 'died'; cause: string; suspect: boolean };

export interface RunRequest extends Omit<RunOrder, 'batch'> {
  /** Milliseconds at the head of the line after which the child is killed. */
  timeoutMs: number;
}

interface Outstanding {
  rows: number;
  joins: boolean;
  turn: number;
  timeoutMs: number;
  settle(outcome: RunOutcome): void;
}

interface PendingLoad {
  loaded(model: LoadedModel): void;
  refused(message: string): void;
}

export interface ExecutorEvents {
  ready(): void;
  unable(message: string): void;
  exited(cause: string, asked: boolean): void;
}

export class ExecutorProcess {
  private readonly child: ChildProcess;
  private readonly batches = new Map<number, Outstanding>();
  private readonly loads = new Map<number, PendingLoad>();
  private readonly unloads = new Map<number, () => void>();
  private readonly exit: Promise<void>;
  private watchdog: NodeJS.Timeout | undefined;
  private calls = 0;
  private stopping = false;
  private hung = false;

  constructor(
    entry: string,
    private readonly settings: ExecutorSettings,
    private readonly events: ExecutorEvents,
  ) {
    this.child = launch(entry, settings);
    this.child.on('message', (message) => this.receive(message as FromExecutor));
    // A failed send is followed by the exit, which settles everything.
    this.child.on('error', () => undefined);
    this.exit = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        this.settleAll(this.hung ? 'hung' : (signal ?? `exit ${code}`));
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get outstanding(): number {
    return this.batches.size;
  }

  get rows(): number {
    let rows = 0;
    for (const batch of this.batches.values()) rows += batch.rows;
    return rows;
  }

  /** Of its batches, the one that runs first. */
  get turns(): number[] {
    return Array.from(this.batches.values(), ({ turn }) => turn);
  }

  /** Whether a further batch may lie in line behind those that it has. */
  get joins(): boolean {
    for (const batch of this.batches.values()) if (!batch.joins) return false;
    return true;
  }

  /** @throws Error with what is wrong with the package. */
  load(directory: string): Promise<LoadedModel> {
    const call = this.calls++;
    return new Promise((resolve, reject) => {
      const patience = this.settings.isBackground ? BACKGROUND_PATIENCE : 1;
      const late = setTimeout(() => this.child.kill('SIGKILL'), patience * LOAD_TIMEOUT_MS);
      const done = (then: () => void): void => {
        clearTimeout(late);
        then();
      };
      this.loads.set(call, {
        loaded: (model) => done(() => resolve(model)),
        refused: (message) => done(() => reject(new Error(message))),
      });
      this.send({ kind: 'load', call, directory });
    });
  }

  /** Batches of it that came before are still run. Resolves when its memory is free, or the executor gone. */
  unload(model: string): Promise<void> {
    const call = this.calls++;
    return new Promise((resolve) => {
      this.unloads.set(call, resolve);
      this.send({ kind: 'unload', call, model });
    });
  }

  run({ timeoutMs, ...order }: RunRequest): Promise<RunOutcome> {
    const batch = this.calls++;
    const { joins, turn } = order;
    const rows = order.inputs.reduce((sum, input) => sum + input.rows, 0);
    return new Promise((settle) => {
      this.batches.set(batch, { rows, joins, turn, timeoutMs, settle });
      if (this.batches.size === 1) this.watchHead();
      this.send({ kind: 'run', batch, ...order });
    });
  }

  /** Lets the current run finish; kills what has not ended after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.send({ kind: 'stop' });
    const late = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    await this.exit;
    clearTimeout(late);
  }

  private send(message: ToExecutor): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private receive(message: FromExecutor): void {
    switch (message.kind) {
      case 'ready':
        return this.events.ready();
      case 'unable':
        return this.events.unable(message.message);
      case 'loaded':
        this.loads.get(message.call)?.loaded(message);
        this.loads.delete(message.call);
        return;
      case 'refused':
        this.loads.get(message.call)?.refused(message.message);
        this.loads.delete(message.call);
        return;
      case 'unloaded':
        this.unloads.get(message.call)?.();
        this.unloads.delete(message.call);
        return;
      case 'overtook':
        return this.toHead(message.batch);
      case 'ran':
        return this.settle(message.batch, message);
      case 'broke':
        return this.settle(message.batch, { kind: 'broke', message: message.message, shared: message.shared });
    }
  }

  private settle(batch: number, outcome: RunOutcome): void {
    const found = this.batches.get(batch);
    if (!found) return;
    this.batches.delete(batch);
    this.watchHead();
    found.settle(outcome);
  }

  private toHead(batch: number): void {
    const head = this.batches.get(batch);
    if (!head) return;
    this.batches.delete(batch);
    const behind = [...this.batches];
    this.batches.clear();
    this.batches.set(batch, head);
    for (const [key, each] of behind) this.batches.set(key, each);
    this.watchHead();
  }

  private watchHead(): void {
    clearTimeout(this.watchdog);
    const [head] = this.batches.values();
    if (head) this.watchdog = setTimeout(() => this.late(head), head.timeoutMs);
  }

  /** `since`: when the head was first too late. In the background it may only be waiting for a processor. */
  private late(head: Outstanding, since?: ProcessorTime): void {
    const now = this.settings.isBackground ? processorTime(this.pid) : undefined;
    const mayLive = now && (!since || isStarved(since, now, head.timeoutMs / BACKGROUND_PATIENCE));
    if (mayLive) {
      this.watchdog = setTimeout(() => this.late(head, since ?? now), LOOK_AGAIN_MS);
      return;
    }
    this.hung = true;
    this.child.kill('SIGKILL');
  }

  private settleAll(cause: string): void {
    clearTimeout(this.watchdog);
    const batches = [...this.batches.values()];
    this.batches.clear();
    for (const load of this.loads.values()) load.refused(`the executor ended (${cause}) while it loaded this package`);
    this.loads.clear();
    for (const gone of this.unloads.values()) gone();
    this.unloads.clear();
    this.events.exited(cause, this.stopping);
    // A hang is the head's doing. In a crash the batch that was being decoded may as well be the reason.
    batches.forEach((batch, place) => {
      batch.settle({ kind: 'died', cause, suspect: !this.stopping && (place === 0 || !this.hung) });
    });
  }
}
