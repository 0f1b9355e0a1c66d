/**
 * Where a run stands, in a file beside its results, so that it goes on after Ctrl-C, a crash or a reboot.
 *
 * Invariant: the file is replaced whole; the results that it counts are in the results file before it says so.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const runState = z.object({
  v: z.literal(1),
  server: z.string(),
  model: z.string(),
  fingerprint: z.string(),
  /** Idempotency key under which the batch was begun: written before, so that it is begun once. */
  key: z.string(),
  batch: z.string().optional(),
  /** Rows of which the results are written, how many bytes they are, and how many have no output. */
  written: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  failed: z.number().int().nonnegative(),
});
export type RunState = z.infer<typeof runState>;

export class StateFile {
  private readonly next: string;
  /** All that is ever written. */
  readonly paths: readonly string[];

  constructor(readonly path: string) {
    this.next = `${path}.new`;
    this.paths = [path, this.next];
  }

  /** Undefined when there is none. @throws Error when it is not one of this build. */
  async read(): Promise<RunState | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const parsed = runState.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    throw new Error(`${this.path} cannot be read. Remove it and its results to begin a new run.`);
  }

  async write(state: RunState): Promise<void> {
    await writeFile(this.next, JSON.stringify(state));
    await rename(this.next, this.path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
