/** Starts the one Redis that a test run shares; each test file keeps to a key prefix of its own. Jest runs this outside
 * its module mapping, so it is the built file that the configuration names. */
import { startRedis, type TestRedis } from './redis.js';

declare global {
  var sluiceTestRedis: TestRedis | undefined;
}

export default async function globalSetup(): Promise<void> {
  const redis = await startRedis();
  globalThis.sluiceTestRedis = redis;
  process.env['SLUICE_TEST_REDIS_URL'] = redis.url;
  process.stdout.write(
    `\nTests use Redis in a ${redis.kind === 'child' ? 'child process' : 'container'}, ${redis.url}\n`,
  );
}
