/**
 * The keys by which callers are known, read from a file and again whenever it changes, so that a key is given out or
 * withdrawn without a restart.
 *
 * Invariants: a file that cannot be read as keys changes nothing, and is told in the log once; a key is found by its
 * digest and compared in constant time, so that how long a refusal takes tells nothing about keys that there are.
 */
import { timingSafeEqual } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOfKey, isApiKey, parseKeyFile, type KeyLine, type Logger, type Scope } from '#inference';

/** Writers truncate first and write then: what is there in between is not worth reading. */
const SETTLE_MS = 50;
/** File systems over a network tell no changes. */
const LOOK_MS = 5_000;

export interface ApiKeysOptions {
  file: string;
  log: Logger;
  /** At least one key must have this scope at the start; that the last one has gone later is told in the log. */
  needs?: Scope | undefined;
}

export class ApiKeys {
  /** By the first four bytes of the digest; nearly always one each. */
  private keys = new Map<number, KeyLine[]>();
  /** The file that was last looked into, good or not. */
  private seen = '';
  private readonly watcher: FSWatcher | undefined;
  private readonly looking: NodeJS.Timeout;
  private settling: NodeJS.Timeout | undefined;
  private work = Promise.resolve();

  private constructor(private readonly options: ApiKeysOptions) {
    this.watcher = this.watchFolder();
    this.looking = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** @throws Error when the file cannot be used: a gateway must not start with other keys than it was told. */
  static async open(options: ApiKeysOptions): Promise<ApiKeys> {
    const keys = new ApiKeys(options);
    try {
      await keys.read();
      if (keys.lacks) throw new Error(`No key has the scope ${options.needs}; "sluice key" makes one.`);
    } catch (error) {
      keys.close();
      throw new Error(`The API keys (SLUICE_API_KEYS) cannot be used. ${reasonOf(error)}`, { cause: error });
    }
    return keys;
  }

  find(key: string): KeyLine | undefined {
    if (!isApiKey(key)) return undefined;
    const digest = digestOfKey(key);
    const candidates = this.keys.get(digest.readUInt32LE()) ?? [];
    return candidates.find((candidate) => timingSafeEqual(candidate.digest, digest));
  }

  close(): void {
    this.watcher?.close();
    clearInterval(this.looking);
    clearTimeout(this.settling);
  }

  /** The folder, not the file: editors and mounted secrets put a new file in the old one's place. */
  private watchFolder(): FSWatcher | undefined {
    try {
      const changed = (): void => {
        clearTimeout(this.settling);
        this.settling = setTimeout(() => this.look(), SETTLE_MS).unref();
      };
      return watch(dirname(this.options.file), { persistent: false }, changed).on('error', () => undefined);
    } catch {
      return undefined;
    }
  }

  /** One look after the other. */
  private look(): void {
    this.work = this.work
      .then(() => this.read())
      .catch((error: unknown) => {
        this.options.log.error(
          { reason: reasonOf(error) },
          'the new API keys cannot be used; those before stay in force',
        );
      });
  }

  /** @throws Error once for each state of the file that is no good. */
  private async read(): Promise<void> {
    const state = await stateOf(this.options.file);
    if (state === this.seen) return;
    this.seen = state;
    const text = await readFile(this.options.file, 'utf8');
    // Also what a writer leaves for a moment.
    if (text.trim() === '') throw new Error('The file is empty; a comment alone is a file without keys.');
    const lines = parseKeyFile(text);
    const keys = new Map<number, KeyLine[]>();
    for (const line of lines) {
      const bucket = line.digest.readUInt32LE();
      keys.set(bucket, [...(keys.get(bucket) ?? []), line]);
    }
    this.keys = keys;
    const { log, needs } = this.options;
    log.info({ keys: lines.length, owners: new Set(lines.map(({ owner }) => owner)).size }, 'API keys are in force');
    if (this.lacks) log.warn({ scope: needs }, 'no key has this scope any more: what needs it is refused');
  }

  private get lacks(): boolean {
    const { needs } = this.options;
    return needs !== undefined && ![...this.keys.values()].flat().some(({ scopes }) => scopes.includes(needs));
  }
}

async function stateOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(file);
    return [ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `The file cannot be read (${code}).`;
}
