/**
 * Decides which Redis this machine runs: one on the PATH, one fetched earlier, one fetched now, one in Docker.
 * Every way ends in a real Redis; where none is open, the error says in one sentence what to install.
 */
import { isNewEnough, OLDEST_REDIS, probeRedis, type RedisProgram } from './redis-program.js';
import { fetchedRedis, fetchRedisServer } from './fetch-redis-server.js';
import { redisInDocker } from './docker.js';

export interface FindOptions {
  dataDir: string;
  report: (line: string) => void;
  signal?: AbortSignal;
}

export const REDIS_SERVERS = ['redis-server', 'valkey-server'] as const;

export async function findRedisServer(options: FindOptions): Promise<RedisProgram> {
  const program =
    (await redisOnPath(options)) ??
    (await fetchedRedis(options.dataDir)) ??
    (await fetchRedisServer(options)) ??
    (await redisInDocker(options));
  options.signal?.throwIfAborted();
  if (program === undefined) throw new Error(`No Redis was found on this machine. ${howToInstall()}`);
  return program;
}

async function redisOnPath({ report }: FindOptions): Promise<RedisProgram | undefined> {
  for (const name of REDIS_SERVERS) {
    const found = await probeRedis(name);
    if (found === undefined) continue;
    if (isNewEnough(found.version)) return found;
    report(`Passing over the ${name} on the PATH: it is ${found.version}, and ${OLDEST_REDIS} or newer is needed.`);
  }
  return undefined;
}

function howToInstall(): string {
  const elsewhere = 'or start Docker, or set REDIS_URL to a Redis that runs elsewhere';
  if (process.platform === 'darwin') return `Install one with "brew install redis", ${elsewhere}.`;
  if (process.platform === 'win32') return `Start Docker Desktop, or set REDIS_URL to a Redis that runs elsewhere.`;
  return `Install one with "sudo apt-get install redis-server" (or your system's package of Redis or Valkey), ${elsewhere}.`;
}
