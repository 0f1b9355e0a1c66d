// Proves: who does not read his answer is let go, and nobody else is.
import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { installSlowReaders } from './slow-readers.js';

const STALLED_MS = 400;
/** More than the system keeps of a connection at both ends. */
const LARGE = 64 * 1_048_576;
/** A reader who takes so much at a time needs several times STALLED_MS. */
const PIECE = 1_048_576;
const PAUSE_MS = 25;

let server: FastifyInstance;
let release: () => void;
let callers: Socket[];

beforeEach(async () => {
  callers = [];
  server = fastify();
  installSlowReaders(server, STALLED_MS);
  server.get('/large', (_request, reply) => void reply.send(Buffer.alloc(LARGE)));
  server.get('/later', (_request, reply) => {
    release = () => void reply.send('seven');
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  for (const caller of callers) caller.destroy();
  await server.close();
});

/** Both ends of a connection on which the path has been asked for and nothing is read. */
async function asker(path: string): Promise<{ caller: Socket; atServer: Socket }> {
  const { port } = server.server.address() as AddressInfo;
  const accepted = once(server.server, 'connection') as Promise<[Socket]>;
  const caller = connect(port, '127.0.0.1').pause();
  callers.push(caller);
  caller.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return { caller, atServer: (await accepted)[0] };
}

it('closes the connection of one who reads nothing, and keeps one who waits for his answer', async () => {
  const waiting = await asker('/later');
  const stalled = await asker('/large');
  await once(stalled.atServer, 'close');
  release();
  const [answer] = (await once(waiting.caller.resume(), 'data')) as [Buffer];
  expect(answer.toString()).toContain('seven');
});

it('lets one who reads slowly have all of his answer', async () => {
  const { caller, atServer } = await asker('/large');
  const begun = performance.now();
  let read = 0;
  let sincePause = 0;
  const whole = new Promise<void>((resolve) => {
    caller.on('data', (piece: Buffer) => {
      read += piece.length;
      sincePause += piece.length;
      if (read > LARGE) resolve();
      if (sincePause < PIECE) return;
      sincePause = 0;
      caller.pause();
      setTimeout(() => caller.resume(), PAUSE_MS);
    });
  });
  caller.resume();
  await Promise.race([whole, once(atServer, 'close')]);
  expect(read).toBeGreaterThan(LARGE);
  expect(performance.now() - begun).toBeGreaterThan(2 * STALLED_MS);
});
