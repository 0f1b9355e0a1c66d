import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from './redis.js';

const ask = async <T>(url: string, question: (client: Redis) => Promise<T>) => {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
};

describe('Redis for tests', () => {
  it('is there, shared by the whole run', async () => {
    const url = process.env['SLUICE_TEST_REDIS_URL'] ?? '';
    expect(await ask(url, (client) => client.ping())).toBe('PONG');
  });

  it('as a child can be killed and started again on the same port with the same data', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-support-'));
    const first = await startRedis({ forceChild: true, appendonly: true, dir });
    await ask(first.url, (client) => client.set('key', 'kept'));
    await first.kill('SIGKILL');
    const second = await startRedis({ forceChild: true, appendonly: true, dir, port: first.port });
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, (client) => client.get('key'))).toBe('kept');
    await second.stop();
    rmSync(dir, { recursive: true });
  });

  it('as a child can be held and let go on', async () => {
    const redis = await startRedis({ forceChild: true });
    await redis.kill('SIGSTOP');
    const late = ask(redis.url, (client) => client.ping());
    await redis.kill('SIGCONT');
    expect(await late).toBe('PONG');
    await redis.kill('SIGSTOP');
    await redis.stop();
  });
});
