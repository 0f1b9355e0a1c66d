/** Whether Redis can be run in Docker here, from which image, and where its data lies then. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { RedisInDocker } from './redis-program.js';
import { runProgram } from './run-program.js';

export const REDIS_IMAGE = 'redis:7-bookworm';

const PULL_MS = 600_000;

interface DockerOptions {
  report: (line: string) => void;
  signal?: AbortSignal;
}

/** Undefined where no engine answers or the image cannot be had. */
export async function redisInDocker({ report, signal }: DockerOptions): Promise<RedisInDocker | undefined> {
  const docker = async (timeoutMs: number, ...args: string[]) =>
    (await runProgram('docker', args, { timeoutMs, ...(signal && { signal }) })).ok;
  if (!(await docker(10_000, 'info', '--format', '{{.ServerVersion}}'))) return undefined;
  if (!(await docker(10_000, 'image', 'inspect', REDIS_IMAGE))) {
    report(`Fetching the image ${REDIS_IMAGE} ...`);
    if (!(await docker(PULL_MS, 'pull', '--quiet', REDIS_IMAGE))) return undefined;
  }
  return { kind: 'docker', image: REDIS_IMAGE };
}

/** A named volume, not a bind mount: it works the same with rootless, remote and desktop engines. */
export function volumeOf(dataDir: string): string {
  return `sluice-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12)}`;
}
