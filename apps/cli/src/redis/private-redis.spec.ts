import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { temporaryDataDir } from '../../../../test/support/data-dir.js';
import { PrivateRedis } from './private-redis.js';
import { DataDirInUseError } from './data-dir-lock.js';
import { isSameProcess, type ProcessIdentity } from './process-identity.js';
import type { Running } from '../serve/service.js';

describe('the private Redis', () => {
  let dataDir: string;
  const lines: string[] = [];
  const running: Running[] = [];

  const open = () =>
    PrivateRedis.open({ dataDir, maxMemoryBytes: 64 * 1024 * 1024, report: (line) => lines.push(line) });
  const start = async (redis: PrivateRedis) => {
    const run = await redis.start(new AbortController().signal);
    running.push(run);
    return run;
  };
  const ask = async <T>(url: string, question: (client: Redis) => Promise<T>) => {
    const client = new Redis(url, { maxRetriesPerRequest: 1 });
    client.on('error', () => undefined);
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  };

  beforeEach(async () => {
    dataDir = await temporaryDataDir();
    lines.length = 0;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((run) => run.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('finds its data again at the second start', async () => {
    for (const expected of [null, 'kept']) {
      const redis = await open();
      const run = await start(redis);
      expect(await ask(redis.url, (client) => client.get('key'))).toBe(expected);
      await ask(redis.url, (client) => client.set('key', 'kept'));
      await run.stop();
      redis.close();
    }
  });

  it('never evicts, keeps an append-only file, and lets nobody in without the password', async () => {
    const redis = await open();
    const run = await start(redis);
    const setting = (name: string) => ask(redis.url, (client) => client.config('GET', name));
    expect(await setting('maxmemory-policy')).toContain('noeviction');
    expect(await setting('maxmemory')).toContain(String(64 * 1024 * 1024));
    expect(await setting('appendonly')).toContain('yes');
    expect(await setting('auto-aof-rewrite-min-size')).toContain(String(256 * 1024 * 1024));
    expect(await setting('rdbcompression')).toContain('no');
    const stranger = redis.url.replace(/:[^:@]+@/, '');
    await expect(ask(stranger, (client) => client.get('key'))).rejects.toThrow(/NOAUTH/);
    await run.stop();
    redis.close();
  });

  it('refuses a data directory that another one uses, and says what to do', async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(DataDirInUseError);
    await expect(open()).rejects.toThrow(/already uses .*SLUICE_DATA/s);
    first.close();
    (await open()).close();
  });

  it('takes over from one that was killed: ends the Redis it left and finds its data', async () => {
    const killed = await open();
    const left = await start(killed);
    await ask(killed.url, (client) => client.set('key', 'kept'));
    const lock = JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as { redis: { process: ProcessIdentity } };
    expect(isSameProcess(lock.redis.process)).toBe(true);
    writeFileSync(join(dataDir, 'lock'), JSON.stringify({ ...lock, owner: { pid: process.pid, started: 'earlier' } }));

    const next = await open();
    expect(lines.join()).toMatch(/stopping the Redis it left/);
    expect((await left.exited).code).toBe(0);
    const run = await start(next);
    expect(await ask(next.url, (client) => client.get('key'))).toBe('kept');
    await run.stop();
    next.close();
  });

  it('takes over a lock that is no longer readable', async () => {
    writeFileSync(join(dataDir, 'lock'), '{"owner":');
    (await open()).close();
  });

  it('says with the last lines of the log why Redis did not start', async () => {
    const redis = await open();
    const run = await start(redis);
    await expect(redis.start(new AbortController().signal)).rejects.toThrow(/did not start.*in use/s);
    await run.stop();
    redis.close();
  });
});
