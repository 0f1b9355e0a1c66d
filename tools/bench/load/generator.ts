/** Entry of the load generator: a process of its own, so that its CPU time can be told from the servers'. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithParent, tellParent } from '../processes/child-side.js';
import { randomOf, type Random } from '../../random.js';
import { ClosedLoop } from './closed-loop.js';
import { Connection } from './connection.js';
import { OpenLoop } from './open-loop.js';
import type { FromGenerator, LoadSettings, LoadTarget, ToGenerator } from './protocol.js';
import { Recorder } from './recorder.js';

/** What has no answer so long after the window has failed. */
const DRAIN_MS = 10_000;

endWithParent();
process.on('message', (message: ToGenerator) => void generate(message.settings));
tellParent({ kind: 'ready' } satisfies FromGenerator);

async function generate({ target, load, warmupMs, windowMs }: LoadSettings): Promise<void> {
  const recorder = new Recorder();
  const request = requestFor(target);
  const connect = (): Connection => new Connection(target.port, request, target);
  const loop =
    load.kind === 'callers'
      ? new ClosedLoop(Array.from({ length: load.callers }, connect), recorder)
      : new OpenLoop({ perSecond: load.perSecond, random: arrivals(load.seed), connect, recorder });
  loop.start();
  await delay(warmupMs);
  recorder.open();
  tellParent({ kind: 'window-opened' } satisfies FromGenerator);
  await delay(windowMs);
  recorder.close();
  tellParent({ kind: 'window-closed' } satisfies FromGenerator);
  loop.stop();
  for (let waited = 0; loop.underWay > 0 && waited < DRAIN_MS; waited += 10) await delay(10);
  loop.close();
  tellParent({ kind: 'finished', summary: recorder.summary() } satisfies FromGenerator);
}

function arrivals(seed: number | undefined): Random {
  return seed === undefined ? Math.random : randomOf(seed, 'arrivals');
}

function requestFor({ port, path, contentType, bodyFile, headers = [] }: LoadTarget): Buffer {
  const body = readFileSync(bodyFile);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    'Accept: application/json',
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
