import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { temporaryDataDir } from '../../../../test/support/data-dir.js';
import { isRunning } from '../redis/process-identity.js';
import { serve } from './serve.js';

/** Stand-ins that write down when they start and stop; the gateway answers as the real one does. */
const standIn = (name: string, journal: string, body: string) => `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const note = (what) => appendFileSync(${JSON.stringify(journal)}, what + ' ${name} ' + process.pid + '\\n');
note('start');
process.on('SIGINT', () => note('interrupt'));
process.on('SIGTERM', () => setTimeout(() => { note('stop'); process.exit(0); }, 50));
process.once('disconnect', () => process.exit(1));
${body}`;
const GATEWAY = `createServer((_, response) => response.end('{}')).listen(Number(process.env.PORT), '127.0.0.1');`;

describe('serve', () => {
  let folder: string;
  const requested = () => new AbortController();

  let taken: Server | undefined;
  let running: { stop: AbortController; ended: Promise<number> } | undefined;

  beforeEach(async () => {
    folder = await temporaryDataDir();
  });
  // Also after a failed expectation nothing may be left running: it would keep the whole run from ending.
  afterEach(async () => {
    running?.stop.abort();
    await running?.ended;
    taken?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const journal = () => readFileSync(join(folder, 'journal'), 'utf8').trim().split('\n');
  const events = () => journal().map((line) => line.split(' ').slice(0, 2).join(' '));
  const pids = () => journal().map((line) => Number(line.split(' ')[2]));

  const start = (gateway: string, worker: string, port = 0) => {
    const stop = requested();
    const force = requested();
    const lines: string[] = [];
    let tellReady: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (tellReady = resolve));
    const script = (name: string, body: string) => {
      const file = join(folder, `${name}.mjs`);
      writeFileSync(file, standIn(name, join(folder, 'journal'), body));
      return { script: file, host: '127.0.0.1', stopLimitMs: 10_000, port: 0 };
    };
    const ended = serve({
      dataDir: folder,
      redisMaxMemoryBytes: 64 * 1024 * 1024,
      gateway: { ...script('gateway', gateway), port },
      worker: script('worker', worker),
      restartBackoffMs: 5,
      signals: { requested: stop.signal, forced: force.signal },
      print: (line) => {
        lines.push(line);
        if (line.includes('is ready')) tellReady();
      },
    });
    running = { stop, ended };
    return { stop, force, lines, ready, ended };
  };

  it('says when it is ready with a curl that works, and stops gateway, worker and Redis in this order', async () => {
    const { stop, lines, ready, ended } = start(GATEWAY, 'setInterval(() => {}, 1000);');
    await ready;
    expect(lines.join('\n')).toMatch(/curl -F file=@examples\/digits\/seven\.png http:\/\/127\.0\.0\.1:\d+\/predict/);
    const lock = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')) as { redis: { process: { pid: number } } };
    stop.abort();
    expect(await ended).toBe(0);
    expect(events().slice(-2)).toEqual(['stop gateway', 'stop worker']);
    expect([...pids(), lock.redis.process.pid].filter(isRunning)).toEqual([]);
  });

  it('starts a worker again that crashes, and stops everything with exit code 1 when that does not help', async () => {
    const { lines, ended } = start(GATEWAY, 'process.exit(3);');
    expect(await ended).toBe(1);
    expect(lines.join('\n')).toMatch(/worker ended unexpectedly \(exit code 3\).*1 of 5/);
    expect(lines.at(-1)).toMatch(/5 times within a minute\. Stopping/);
    expect(events().filter((event) => event === 'start worker')).toHaveLength(6);
    expect(pids().filter(isRunning)).toEqual([]);
  });

  it('kills at once when it is asked a second time', async () => {
    const deaf = `${GATEWAY} process.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => {});`;
    const { stop, force, ready, ended } = start(deaf, 'setInterval(() => {}, 1000);');
    await ready;
    stop.abort();
    force.abort();
    await ended;
    expect(pids().filter(isRunning)).toEqual([]);
  });

  it('stops in order although it is not ready yet', async () => {
    const { stop, ended } = start('setInterval(() => {}, 1000);', 'setInterval(() => {}, 1000);');
    while (
      !(
        await Promise.resolve()
          .then(events)
          .catch((): string[] => [])
      ).includes('start gateway')
    ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    stop.abort();
    expect(await ended).toBe(0);
    expect(pids().filter(isRunning)).toEqual([]);
  });

  it('refuses a chosen port that is taken, having started nothing', async () => {
    const server = (taken = createServer());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { lines, ended } = start(GATEWAY, '', port);
    expect(await ended).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/Port \d+ .*is taken/)]);
    expect(journal).toThrow();
  });
});
