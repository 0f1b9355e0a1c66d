/**
 * The lock of a data directory: one Redis, one append-only file. Held by a live process and nothing else: a lock whose
 * process is gone is taken over, and the Redis that it left running is handed to the caller to shut down first.
 * Invariant: the file names its holder by pid and start time, so a used-again pid never looks like the old holder.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isSameProcess, type ProcessIdentity } from './process-identity.js';

export type RedisHandle = { process: ProcessIdentity } | { container: string };

interface LockContent {
  owner: ProcessIdentity;
  redis?: RedisHandle;
}

export class DataDirInUseError extends Error {}

export class DataDirLock {
  private constructor(
    private readonly file: string,
    private readonly owner: ProcessIdentity,
    /** What a holder that was killed has left running. */
    readonly orphan: RedisHandle | undefined,
  ) {}

  static async acquire(dataDir: string): Promise<DataDirLock> {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, 'lock');
    const owner = identify(process.pid) ?? { pid: process.pid, started: '' };
    let orphan: RedisHandle | undefined;
    for (;;) {
      // Until this process has dealt with the orphan, the lock goes on naming it: this process may be killed too.
      const content: LockContent = { owner, ...(orphan && { redis: orphan }) };
      if (create(file, content)) return new DataDirLock(file, owner, orphan);
      const held = await readSettled(file);
      if (held && isSameProcess(held.owner)) {
        throw new DataDirInUseError(
          `Another sluice (process ${held.owner.pid}) already uses ${dataDir}. ` +
            'Stop it first, or set SLUICE_DATA to a folder of its own for this one.',
        );
      }
      if (removeStale(file, held)) orphan = held?.redis ?? orphan;
    }
  }

  /** Written at once and synchronously: what is not on disk when this process is killed cannot be cleaned up. */
  recordRedis(redis: RedisHandle): void {
    const next = `${this.file}.${process.pid}`;
    writeFileSync(next, JSON.stringify({ owner: this.owner, redis } satisfies LockContent), { mode: 0o600 });
    renameSync(next, this.file);
  }

  release(): void {
    const held = read(this.file);
    if (held?.owner.pid === this.owner.pid && held.owner.started === this.owner.started) rmSync(this.file);
  }
}

function create(file: string, content: LockContent): boolean {
  try {
    writeFileSync(file, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the stale lock away by renaming it, which only one of several can do, and gives it back if another start had
 * already put its own in that place. */
function removeStale(file: string, stale: LockContent | undefined): boolean {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return false;
  }
  if (JSON.stringify(read(aside)) !== JSON.stringify(stale)) {
    renameSync(aside, file);
    return false;
  }
  rmSync(aside);
  return true;
}

/** Created and written are two steps: an unreadable lock may be half a moment old. */
async function readSettled(file: string): Promise<LockContent | undefined> {
  for (let tries = 0; tries < 10; tries += 1) {
    const content = read(file);
    if (content !== undefined) return content;
    await delay(20);
  }
  return undefined;
}

function read(file: string): LockContent | undefined {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Partial<LockContent>;
    return typeof content.owner?.pid === 'number' ? { owner: content.owner, ...content } : undefined;
  } catch {
    return undefined;
  }
}
