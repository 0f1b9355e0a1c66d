/**
 * When a version that could not be loaded is tried again: after pauses that grow, so often and no more (but for ever where
 * the package could not be had, for its gateway comes back some time), and at once when its registration has changed.
 * What lies in the worker's own folder and has never been loaded is tried once.
 */
import type { Version } from './version.js';

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 300_000;
const TRIES = 12;

interface Failed {
  count: number;
  at: number;
  /** Of the registration as it was. */
  mark: string;
}

export class Retries {
  private readonly failures = new Map<string, Failed>();

  /** `mayPass`: it failed for a reason that is not its own. */
  failed(version: Version, { mayPass = false } = {}): void {
    const { key } = version;
    const mark = markOf(version);
    const before = this.failures.get(key);
    const times = before?.mark === mark ? before.count + 1 : 1;
    const count = mayPass ? Math.min(times, TRIES - 1) : times;
    this.failures.set(key, { count, at: performance.now(), mark });
  }

  /** It would fail again whatever happens, until its registration changes. */
  hopeless(version: Version): void {
    this.failures.set(version.key, { count: TRIES, at: performance.now(), mark: markOf(version) });
  }

  mayTry(version: Version): boolean {
    const failed = this.failures.get(version.key);
    if (!failed || failed.mark !== markOf(version)) return true;
    const tries = version.digest === undefined && !version.target ? 1 : TRIES;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failed.count - 1));
    return failed.count < tries && performance.now() - failed.at >= pause;
  }

  forget(key: string): void {
    this.failures.delete(key);
  }
}

function markOf({ registration }: Version): string {
  return JSON.stringify([registration?.check, registration?.desired, registration?.updated]);
}
