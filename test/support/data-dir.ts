/** A data directory of its own for one test, in which the Redis that this checkout found or fetched is at hand: on a
 * machine without one, a fetch per test would be most of the run. */
import { existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadServeConfig } from '#inference';
import { findRedisServer } from '../../apps/cli/src/redis/find-redis-server.js';

export async function temporaryDataDir(): Promise<string> {
  const shared = loadServeConfig().dataDir;
  await findRedisServer({ dataDir: shared, report: (line) => process.stderr.write(`${line}\n`) });
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-data-'));
  const fetched = resolve(shared, 'redis');
  if (existsSync(fetched)) symlinkSync(fetched, join(dataDir, 'redis'));
  return dataDir;
}
