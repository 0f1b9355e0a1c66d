/**
 * What the programs of the bench have in common: a folder and children of their own, and how they end.
 *
 * Invariant: whatever ends a program in order, its folder and its children are gone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from './children.js';

export interface Program {
  scratch: string;
  children: Children;
  /** Does it and ends the process: with 1 and the error's message where it fails. */
  run: (measure: () => Promise<void>) => Promise<never>;
}

export async function benchProgram(name: string): Promise<Program> {
  const scratch = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  const children = new Children(scratch);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  return {
    scratch,
    children,
    run: async (measure) => {
      try {
        await measure();
      } catch (error) {
        process.exitCode = 1;
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      return process.exit();
    },
  };
}
