/** A Redis of a contender's own, set as `npm start` sets its one: append-only file each second, no snapshots. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findRedisServer } from '../../../apps/cli/src/redis/find-redis-server.js';
import { RedisProcess } from '../../../apps/cli/src/redis/redis-process.js';
import type { RedisProgram } from '../../../apps/cli/src/redis/redis-program.js';
import { freePort } from '../../../apps/cli/src/serve/free-port.js';

const MAX_MEMORY_BYTES = 1024 * 1024 * 1024;

export interface BenchRedis {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

export async function findRedis(): Promise<RedisProgram> {
  const program = await findRedisServer({ dataDir: '.sluice', report: (line) => process.stderr.write(`${line}\n`) });
  if (program.kind !== 'binary') {
    throw new Error('The benchmark reads the CPU time of its Redis, so it needs a redis-server on this machine.');
  }
  return program;
}

export async function startRedis(program: RedisProgram, scratch: string): Promise<BenchRedis> {
  const port = await freePort();
  const dir = join(scratch, `redis-${port}`);
  await mkdir(dir);
  const settings = { port, dir, appendonly: true, maxMemoryBytes: MAX_MEMORY_BYTES };
  const redis = await RedisProcess.start({ program, settings, logFile: join(dir, 'redis.log'), detached: false });
  const killAtExit = (): void => redis.kill();
  process.once('exit', killAtExit);
  void redis.exited.then(() => process.off('exit', killAtExit));
  return {
    url: redis.url,
    pid: redis.child.pid ?? 0,
    async stop() {
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
