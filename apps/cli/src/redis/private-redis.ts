/**
 * The Redis that `serve` runs for itself: behind the data directory's lock, on a loopback port chosen once, with a
 * password of this run, its data under `<dataDir>/data`. Invariant: the lock is held from before the first start until
 * after the last stop, and names the Redis process from the moment there is one.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freePort } from '../serve/free-port.js';
import type { Running, Service } from '../serve/service.js';
import { DataDirLock } from './data-dir-lock.js';
import { findRedisServer } from './find-redis-server.js';
import { stopOrphan } from './orphan.js';
import { identify } from './process-identity.js';
import { redisUrl, type RedisSettings } from './redis-command.js';
import type { RedisProgram } from './redis-program.js';
import { RedisProcess } from './redis-process.js';

export interface PrivateRedisOptions {
  dataDir: string;
  maxMemoryBytes: number;
  report: (line: string) => void;
  signal?: AbortSignal;
}

export class PrivateRedis implements Service {
  readonly name = 'Redis';
  readonly url: string;

  private constructor(
    private readonly lock: DataDirLock,
    private readonly server: { program: RedisProgram; settings: RedisSettings },
    private readonly options: PrivateRedisOptions,
  ) {
    this.url = redisUrl(server.settings);
  }

  /** Takes the data directory and finds the server; starts nothing yet. */
  static async open(options: PrivateRedisOptions): Promise<PrivateRedis> {
    const dataDir = resolve(options.dataDir);
    const lock = await DataDirLock.acquire(dataDir);
    // A failure here keeps the lock: it is what still names the Redis that has to go.
    if (lock.orphan) await stopOrphan(lock.orphan, options.report);
    try {
      const dir = join(dataDir, 'data');
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const program = await findRedisServer({ ...options, dataDir });
      const port = await freePort();
      const { maxMemoryBytes } = options;
      const password = randomBytes(16).toString('hex');
      const settings = { port, dir, appendonly: true, maxMemoryBytes, password };
      return new PrivateRedis(lock, { program, settings }, options);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  start(signal: AbortSignal): Promise<Running> {
    return RedisProcess.start({
      ...this.server,
      logFile: join(resolve(this.options.dataDir), 'redis.log'),
      detached: true,
      signal,
      report: this.options.report,
      onSpawn: (handle) => {
        if ('container' in handle) this.lock.recordRedis(handle);
        else this.lock.recordRedis({ process: identify(handle.pid) ?? { pid: handle.pid, started: '' } });
      },
    });
  }

  /** After the last stop. */
  close(): void {
    this.lock.release();
  }
}
