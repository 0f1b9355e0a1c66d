/**
 * A real Redis for tests: a container where a Docker engine has the image, else a `redis-server` child process, found or
 * fetched by the code that `npm start` uses. SLUICE_TEST_REDIS=child or =container decides by hand. A test that stops,
 * kills or restarts its Redis asks for a child: `{ forceChild: true }`, and gives `port` and `dir` to start it again.
 */
import { startChildRedis, type ChildRedis } from './redis-child.js';
import { containerIsPossible, startContainerRedis } from './redis-container.js';

export interface TestRedisOptions {
  appendonly?: boolean;
  port?: number;
  dir?: string;
  forceChild?: boolean;
}

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly kind: 'container' | 'child';
  stop(): Promise<void>;
}

export function startRedis(options: TestRedisOptions & { forceChild: true }): Promise<ChildRedis>;
export function startRedis(options?: TestRedisOptions): Promise<TestRedis>;
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const wish = process.env['SLUICE_TEST_REDIS'];
  // A given directory is this machine's, so it is a child's.
  if (options.forceChild || options.dir !== undefined || wish === 'child') return startChildRedis(options);
  if (wish === 'container') return startContainerRedis(options);
  if (!(await containerIsPossible())) return startChildRedis(options);
  try {
    return await startContainerRedis(options);
  } catch (error) {
    process.stderr.write(`Redis did not start in a container, so a child process is used: ${String(error)}\n`);
    return startChildRedis(options);
  }
}
