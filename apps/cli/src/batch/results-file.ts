/**
 * Whether a run may write where it was told to.
 *
 * Invariant: what a run reads, and a file that it did not fill itself, are never written over; whoever would is told
 * before anything is written or a gateway is asked.
 */
import { stat } from 'node:fs/promises';
import { UsageError } from '../command.js';

/** By any name: a link to an input is that input. @throws UsageError */
export async function checkApart(written: readonly string[], read: readonly string[]): Promise<void> {
  const targets = new Map<string, string>();
  for (const path of written) {
    const identity = await identityOf(path);
    if (identity !== undefined) targets.set(identity, path);
  }
  if (targets.size === 0) return;
  const identities = await Promise.all(read.map(identityOf));
  for (const [i, identity] of identities.entries()) {
    const target = identity === undefined ? undefined : targets.get(identity);
    if (target === undefined) continue;
    throw new UsageError(
      `What is written to ${target} would replace ${read[i]}, an input of this run: they are the same file. Name another with -o.`,
    );
  }
}

/** For a run that has written nothing yet. @throws UsageError */
export async function checkUnused(out: string, statePath: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (!found) return;
  if (!found.isFile()) throw new UsageError(`${out} is no file. Name one with -o.`);
  if (found.size === 0) return;
  throw new UsageError(
    `${out} has ${found.size} bytes already, and no run in ${statePath} that would go on with it. Choose another name with -o, or remove it.`,
  );
}

/** Undefined for what is not there. In whole numbers, for those of some file systems are beyond 2^53. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev} ${found.ino}`;
}
