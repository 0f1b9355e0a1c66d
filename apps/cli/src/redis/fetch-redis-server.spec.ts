import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchedRedis, fetchRedisServer, hasApt } from './fetch-redis-server.js';

describe('fetching a Redis from the packages of the system', () => {
  let dataDir: string;
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'sluice-fetch-'))));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('leaves one that runs, and nothing else', async () => {
    if (!(await hasApt())) return console.warn('Skipped: no apt-get and dpkg here.');
    // What a fetch that was killed has left: its process is gone.
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    await mkdir(join(dataDir, `redis.fetching-${gone}`));
    const lines: string[] = [];
    const fetched = await fetchRedisServer({ dataDir, report: (line) => lines.push(line) });
    if (fetched === undefined) return console.warn(`Skipped: no packages from here. ${lines.join(' ')}`);
    expect(fetched.version).toMatch(/^\d+\.\d+/);
    expect(await fetchedRedis(dataDir)).toEqual(fetched);
    expect(readdirSync(dataDir)).toEqual(['redis']);
  });

  it('leaves nothing when it is interrupted', async () => {
    const report = () => undefined;
    const fetched = await fetchRedisServer({ dataDir, report, signal: AbortSignal.timeout(300) });
    expect(fetched).toBeUndefined();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('does not take for a Redis what cannot be run', async () => {
    await mkdir(join(dataDir, 'redis/usr/bin'), { recursive: true });
    await writeFile(join(dataDir, 'redis/usr/bin/redis-server'), 'half', { mode: 0o755 });
    expect(await fetchedRedis(dataDir)).toBeUndefined();
  });
});
