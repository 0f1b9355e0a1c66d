/** Redis for tests as a child process of this one. It ends with this process, whichever way that ends in order; and a
 * directory that it made itself goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadServeConfig } from '#inference';
import { findRedisServer } from '../../apps/cli/src/redis/find-redis-server.js';
import { RedisProcess } from '../../apps/cli/src/redis/redis-process.js';
import { freePort } from '../../apps/cli/src/serve/free-port.js';
import type { TestRedis, TestRedisOptions } from './redis.js';

export interface ChildRedis extends TestRedis {
  readonly kind: 'child';
  readonly pid: number;
  /** SIGKILL and SIGTERM settle when the process is gone; SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export async function startChildRedis(options: TestRedisOptions): Promise<ChildRedis> {
  const report = (line: string) => process.stderr.write(`${line}\n`);
  const program = await findRedisServer({ dataDir: loadServeConfig().dataDir, report });
  const ownDir = options.dir === undefined ? await mkdtemp(join(tmpdir(), 'sluice-test-redis-')) : undefined;
  const dir = options.dir ?? ownDir ?? '.';
  const port = options.port ?? (await freePort());
  const settings = { port, dir, appendonly: options.appendonly ?? false };
  const redis = await RedisProcess.start({ program, settings, logFile: join(dir, 'redis.log'), detached: false });
  const killAtExit = () => redis.kill();
  process.once('exit', killAtExit);
  void redis.exited.then(() => process.off('exit', killAtExit));
  return {
    url: redis.url,
    port,
    kind: 'child',
    pid: redis.child.pid ?? 0,
    async kill(signal) {
      redis.signal(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await redis.exited;
    },
    async stop() {
      await redis.stop();
      if (ownDir !== undefined) await rm(ownDir, { recursive: true, force: true });
    },
  };
}
