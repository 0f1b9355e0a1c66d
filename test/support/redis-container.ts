/** Redis for tests in a container, through Testcontainers, which is loaded only when it is used. */
import { REDIS_IMAGE } from '../../apps/cli/src/redis/docker.js';
import { runProgram } from '../../apps/cli/src/redis/run-program.js';
import type { TestRedis, TestRedisOptions } from './redis.js';

const PULL_MS = 60_000;
const START_MS = 60_000;

/** An engine answers, and has the image or gets it within a minute. */
export async function containerIsPossible(): Promise<boolean> {
  const docker = async (timeoutMs: number, ...args: string[]) => (await runProgram('docker', args, { timeoutMs })).ok;
  if (!(await docker(10_000, 'info', '--format', '{{.ServerVersion}}'))) return false;
  if (await docker(10_000, 'image', 'inspect', REDIS_IMAGE)) return true;
  return docker(PULL_MS, 'pull', '--quiet', REDIS_IMAGE);
}

export async function startContainerRedis(options: TestRedisOptions): Promise<TestRedis> {
  await decideOnReaper();
  const { GenericContainer, Wait } = await import('testcontainers');
  const port = options.port === undefined ? 6379 : { container: 6379, host: options.port };
  const container = await new GenericContainer(REDIS_IMAGE)
    .withExposedPorts(port)
    .withCommand([
      'redis-server',
      '--protected-mode',
      'no',
      '--save',
      '',
      '--appendonly',
      options.appendonly ? 'yes' : 'no',
    ])
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .withStartupTimeout(START_MS)
    .start();
  const mapped = container.getMappedPort(6379);
  // "localhost" may mean ::1 first, where the engine does not publish the port.
  const host = container.getHost() === 'localhost' ? '127.0.0.1' : container.getHost();
  return {
    url: `redis://${host}:${mapped}`,
    port: mapped,
    kind: 'container',
    stop: async () => {
      await container.stop();
    },
  };
}

/** Testcontainers cleans up after a killed run with a container of a second image. Where that image is not at hand it is
 * not worth a download, and its absence must not fail the run; a setting made by hand stands. */
async function decideOnReaper(): Promise<void> {
  if (process.env['TESTCONTAINERS_RYUK_DISABLED'] !== undefined || process.env['RYUK_CONTAINER_IMAGE']) return;
  const { stdout } = await runProgram('docker', ['image', 'ls', '-q', 'testcontainers/ryuk'], { timeoutMs: 10_000 });
  if (stdout.trim() === '') process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
}
