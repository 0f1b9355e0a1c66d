// Proves: who comes anew is not kept waiting by those who are there, nor those by who comes anew.
import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { installAcceptFirst } from './accept-first.js';

const WORK_MS = 1;
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

let server: FastifyInstance;
let port: number;
let answered: number;
let sockets: Socket[];

beforeEach(async () => {
  server = fastify();
  answered = 0;
  sockets = [];
  installAcceptFirst(server);
  server.get('/', (_request, reply) => {
    answered++;
    const end = Date.now() + WORK_MS;
    while (Date.now() < end);
    void reply.send('seven');
  });
  await server.listen({ host: '127.0.0.1', port: 0, backlog: 512 });
  ({ port } = server.server.address() as AddressInfo);
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const socket of sockets) socket.destroy();
  await server.close();
});

it('has a hundred callers who come at once answered before twenty who go on asking have had a few answers each', async () => {
  const there = Array.from({ length: 20 }, () => asker());
  await Promise.all(there.map((socket) => once(socket, 'data')));
  const before = answered;

  await Promise.all(Array.from({ length: 100 }, () => once(asker(), 'data')));

  expect(answered - before).toBeLessThan(100 + (20 + 100) * 4);
});

it('answers those who are there while others keep coming', async () => {
  const there = asker();
  await once(there, 'data');
  let answers = 0;
  there.on('data', () => answers++);
  let now = performance.now();
  jest.spyOn(performance, 'now').mockImplementation(() => now);

  for (let turns = 0; turns < 400; turns++, now++) {
    sockets.push(connect(port, '127.0.0.1'));
    await turn();
  }

  expect(answers).toBeGreaterThanOrEqual(3);
});

it('goes no further with a request whose caller has gone while it was held', async () => {
  const since = performance.now();
  jest.spyOn(performance, 'now').mockReturnValue(since);
  let atServer: Socket | undefined;
  server.server.once('connection', (socket: Socket) => (atServer = socket));
  const goner = connect(port, '127.0.0.1');
  goner.write(REQUEST);
  server.server.once('request', () => goner.destroy());
  for (let turns = 0; turns < 400 && atServer?.closed !== true; turns++) {
    sockets.push(connect(port, '127.0.0.1'));
    await turn();
  }
  expect(atServer?.closed).toBe(true);
  jest.restoreAllMocks();

  await once(asker(), 'data');

  expect(answered).toBe(1);
});

/** Asks, and again whenever it is answered. */
function asker(): Socket {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.write(REQUEST);
  socket.on('data', () => socket.write(REQUEST));
  return socket;
}
