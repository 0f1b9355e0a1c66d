/**
 * One bulk run from a terminal: rows go up in windows that the server has room for while results come down in order.
 *
 * Rows go up only so far ahead of the results: what a server keeps is bounded, and the oldest outputs are the first to go.
 * Invariants: the results file holds whole lines in the order of the rows, each once, however often the run is stopped;
 * what may pass is tried again until the server has been away, or has had no room, for GIVE_UP_MS.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesOf } from '../../../gateway/src/batches/rows/lines.js';
import { GatewayError } from '../gateway-client.js';
import type { BatchClient } from './batch-client.js';
import type { RowInput } from './row-input.js';
import type { RunState, StateFile } from './run-state.js';

const NEWLINE = Buffer.from('\n');
const WINDOW_ROWS = 1_024;
/** Rows ahead of the results: as many again after each time that went well, and a few once the server has refused some. */
const MOST_AHEAD = 16_384;
const LEAST_AHEAD = 64;
const WINDOW_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 500;
const MOST_PAUSE_MS = 5_000;
const GIVE_UP_MS = 300_000;

export interface Progress {
  total: number;
  committed: number;
  written: number;
  failed: number;
}

export interface BatchRunOptions {
  client: BatchClient;
  input: RowInput;
  state: RunState & { batch: string };
  file: StateFile;
  out: string;
  signal: AbortSignal;
  progress(now: Progress): void;
}

interface ResultLine {
  row: number;
  custom_id?: string;
  status: string;
  output?: unknown;
}

export class BatchRun {
  private committed = 0;
  private sealed = false;
  private ahead = WINDOW_ROWS;
  private refused = false;
  private caughtUp: (() => void) | undefined;
  private movedAt = Date.now();
  /** Of the first upload that was refused since one was taken. */
  private refusedAt: number | undefined;

  constructor(private readonly options: BatchRunOptions) {}

  /** Resolves when every row's result is written. @throws GatewayError, or what the signal throws */
  async run(): Promise<Progress> {
    const out = await open(this.options.out, 'a');
    try {
      await this.resume(out);
      const stop = new AbortController();
      const both = [this.upload(), this.download(out, stop.signal)];
      await Promise.all(both).finally(() => {
        stop.abort();
        this.caughtUp?.();
      });
      this.checkWhole();
      return this.progress();
    } finally {
      await out.close();
    }
  }

  /** What was written behind the last state goes; it comes again. */
  private async resume(out: FileHandle): Promise<void> {
    const { state, file, out: path } = this.options;
    const { size } = await out.stat();
    if (size < state.bytes) {
      throw new Error(
        `${path} has ${size} bytes, where ${state.bytes} were written. Put it back, or delete ${file.path} and ${path} to begin a new run.`,
      );
    }
    await out.truncate(state.bytes);
  }

  /** Somebody else may have ended the batch before all rows were there. */
  private checkWhole(): void {
    const { input, out, file } = this.options;
    if (this.committed >= input.total) return;
    throw new Error(
      `The batch was ended from elsewhere with ${this.committed} of ${input.total} rows, whose results are in ${out}. To begin a new run name another file with -o, or remove ${out} and ${file.path}.`,
    );
  }

  private progress(): Progress {
    const { input, state } = this.options;
    return { total: input.total, committed: this.committed, written: state.written, failed: state.failed };
  }

  private async upload(): Promise<void> {
    const { client, state } = this.options;
    const batch = await this.patient(() => client.read(state.batch));
    this.committed = batch.committed;
    // No more rows are taken.
    if (batch.status !== 'open') {
      this.sealed = true;
      return;
    }
    while (await this.uploadRest());
    await this.patient(() => client.seal(state.batch, this.committed)).catch((error: unknown) => {
      // Its answer was lost the first time.
      if (!(error instanceof GatewayError) || error.details.code !== 'STATE_CONFLICT') throw error;
    });
    this.sealed = true;
  }

  /** All windows from the first row that is not safe; true when one was taken only in part. */
  private async uploadRest(): Promise<boolean> {
    let window: Buffer[] = [];
    let bytes = 0;
    for await (const line of this.options.input.lines(this.committed)) {
      if (
        window.length >= Math.min(WINDOW_ROWS, this.ahead) ||
        (window.length > 0 && bytes + line.length > WINDOW_BYTES)
      ) {
        if (!(await this.send(window))) return true;
        window = [];
        bytes = 0;
      }
      window.push(line);
      bytes += line.length;
    }
    return window.length > 0 && !(await this.send(window));
  }

  /** False when the server has no room for all of them now: some have to run first. */
  private async send(window: readonly Buffer[]): Promise<boolean> {
    const { client, state, signal } = this.options;
    await this.room(window.length);
    const wanted = this.committed + window.length;
    try {
      const { committed } = await client.append(state.batch, this.committed, bodyOf(window));
      this.refusedAt = undefined;
      this.moved(committed);
      return committed === wanted;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.refusedAt ??= Date.now();
      const { retryAfterMs, code } = error.details;
      // A gateway may still be reading what an upload that was broken off had sent.
      if (code === 'STATE_CONFLICT') return this.afterOther(error, this.refusedAt);
      const committed = committedBy(error);
      const isFull = code === 'BODY_TOO_LARGE' && committed !== undefined;
      if (!isFull && !error.passing) throw error;
      this.moved(committed ?? (await this.patient(() => client.read(state.batch))).committed);
      if (isFull) {
        this.refused = true;
        this.ahead = Math.max(LEAST_AHEAD, (this.committed - state.written) >> 1);
      }
      this.checkPatience(error, this.refusedAt);
      await sleep(Math.min(retryAfterMs ?? LOOK_MS, isFull ? LOOK_MS : MOST_PAUSE_MS), undefined, { signal });
      return false;
    }
  }

  private async afterOther(conflict: GatewayError, since: number): Promise<false> {
    const { client, state, signal } = this.options;
    const batch = await this.patient(() => client.read(state.batch));
    if (batch.status !== 'open') throw conflict;
    this.moved(batch.committed);
    this.checkPatience(conflict, since);
    await sleep(LOOK_MS, undefined, { signal });
    return false;
  }

  /** Until the results have come near enough. */
  private async room(rows: number): Promise<void> {
    const { state, signal } = this.options;
    while (this.committed + rows > state.written + this.ahead && this.committed > state.written) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => (this.caughtUp = resolve));
      if (state.written !== this.committed) continue;
      this.ahead = Math.min(MOST_AHEAD, this.refused ? this.ahead + LEAST_AHEAD : 2 * this.ahead);
    }
  }

  private async download(out: FileHandle, stop: AbortSignal): Promise<void> {
    const { client, state, input, signal } = this.options;
    while (!stop.aborted) {
      const before = state.written;
      await this.patient(async () => this.write(out, await client.results(state.batch, state.written)));
      if (this.sealed && state.written >= Math.min(input.total, this.committed)) return;
      if (state.written === before) await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** Whole lines only; a stream that breaks off in one is asked for again from there. */
  private async write(out: FileHandle, bytes: AsyncIterable<Buffer>): Promise<void> {
    const { state, file } = this.options;
    for await (const line of linesOf(bytes, Infinity)) {
      const result = JSON.parse(line!.toString()) as ResultLine;
      const { row, status, output } = result;
      if (row < state.written) continue;
      const text = `${this.named(result) ?? line!.toString()}\n`;
      await out.appendFile(text);
      state.written = row + 1;
      state.bytes += Buffer.byteLength(text);
      // Outputs that were kept for their time are gone from rows that have succeeded, too.
      if (status !== 'succeeded' || output === undefined) state.failed++;
      this.movedAt = Date.now();
    }
    await out.datasync();
    await file.write(state);
    this.caughtUp?.();
    this.options.progress(this.progress());
  }

  /** A row that was not read, as one that is too long, comes back without its id. Undefined where nothing is to be added. */
  private named({ row, custom_id: known, ...rest }: ResultLine): string | undefined {
    const id = known === undefined ? this.options.input.idOf?.(row) : undefined;
    return id === undefined ? undefined : JSON.stringify({ row, custom_id: id, ...rest });
  }

  private moved(committed: number): void {
    if (committed > this.committed) this.movedAt = Date.now();
    this.committed = committed;
    this.options.progress(this.progress());
  }

  private async patient<T>(ask: () => Promise<T>): Promise<T> {
    let since: number | undefined;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof GatewayError) || !error.passing) throw error;
        since ??= Date.now();
        this.checkPatience(error, since);
        const pause = Math.min(MOST_PAUSE_MS, error.details.retryAfterMs ?? LOOK_MS);
        await sleep(pause, undefined, { signal: this.options.signal });
      }
    }
  }

  /** `since` it has gone on like this. What the server has no room for now it may take another time. */
  private checkPatience({ message, details }: GatewayError, since: number): void {
    if (Date.now() - Math.max(since, this.movedAt) > GIVE_UP_MS) throw new GatewayError(message, true, details);
  }
}

/** Each behind an end of line: a byte order mark at the head of a body is dropped, and only that of the input may be. */
function bodyOf(window: readonly Buffer[]): Buffer {
  return Buffer.concat(window.flatMap((line) => [NEWLINE, line]));
}

/** How many rows the gateway has, where its refusal says so. */
function committedBy({ details: { problem } }: GatewayError): number | undefined {
  const committed = problem?.['committed'];
  return typeof committed === 'number' ? committed : undefined;
}
