// Proves: names are resolved by DNS, beside others whose servers are silent, and by the system where it alone knows them.
import { createSocket, type Socket } from 'node:dgram';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import type { LookupFunction } from 'node:net';
import { isInnerName } from './address-policy.js';
import { resolveNames } from './resolve-name.js';

const TYPE_A = 1;
let server: Socket;
let servers: string[];
let asked: string[];

/** Knows `*.test` with one IPv4 address and `four.silent` with no answer for IPv6; says nothing of other `*.silent`. */
beforeEach(async () => {
  asked = [];
  server = createSocket('udp4', (question, { port, address }) => {
    const { name, type, end } = questionOf(question);
    asked.push(name);
    if (name.endsWith('.silent') && !(name === 'four.silent' && type === TYPE_A)) return;
    const isKnown = name.endsWith('.test') || name === 'four.silent';
    const found = isKnown && type === TYPE_A ? [[192, 0, 2, 7]] : [];
    server.send(answerTo(question.subarray(0, end), isKnown, found), port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  servers = [`127.0.0.1:${server.address().port}`];
});
afterEach(() => server.close());

const names = (asksSystem: boolean) => resolveNames({ asksSystem, isInner: isInnerName, servers });

it('resolves a name at once while thirty others are waited for in vain', async () => {
  const lookup = names(false);
  const silent = Array.from({ length: 30 }, (_, i) => found(lookup, `n${i}.silent`).catch((error: unknown) => error));
  const begun = performance.now();
  expect(await found(lookup, 'receiver.test')).toEqual([{ address: '192.0.2.7', family: 4 }]);
  expect(performance.now() - begun).toBeLessThan(1_500);
  for (const error of await Promise.all(silent)) expect(error).toMatchObject({ code: 'EAI_AGAIN' });
}, 30_000);

it('goes on with the addresses of one family when a server is silent about the other', async () => {
  expect(await found(names(false), 'four.silent')).toEqual([{ address: '192.0.2.7', family: 4 }]);
});

it('asks the system for what DNS does not know only where it may lead somewhere', async () => {
  await expect(found(names(false), 'localhost.nowhere')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  // The system does not know it either, and says so itself.
  await expect(found(names(true), 'x.invalid')).rejects.toThrow(/getaddrinfo/);
}, 60_000);

it('asks the system alone for names of the machine', async () => {
  const addresses = await found(names(true), 'localhost');
  expect(['127.0.0.1', '::1']).toContain(addresses[0]!.address);
  expect(asked).toEqual([]);
});

function found(lookup: LookupFunction, name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses as LookupAddress[]))),
  );
}

/** RFC 1035, 4.1.2. */
function questionOf(packet: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = packet[at]!; length > 0; length = packet[at]!) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: packet.readUInt16BE(at + 1), end: at + 5 };
}

/** RFC 1035, 4.1.1 and 4.1.3: the question, then an A record for each address. */
function answerTo(question: Buffer, isKnown: boolean, addresses: readonly number[][]): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address]));
  return Buffer.concat([head, ...records]);
}
