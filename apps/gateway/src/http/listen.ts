/**
 * Where a gateway listens: on SLUICE_HOST, and on SLUICE_ADMIN_HOST where the first does not cover it. Connections to the
 * second are handed to the one server, on the same port, so that every limit and every route is the same there.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import ipaddr from 'ipaddr.js';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * Connections that the system may hold until they are accepted; at most `net.core.somaxconn`, 4 096 in Linux. Of Node's
 * own 511 those too many are dropped, and a client says nothing for a second before it tries again: clients without
 * keep-alive come so many at once while the loop is held up for a tenth of a second.
 */
const ACCEPT_BACKLOG = 4_096;

export interface Addresses {
  port: number;
  host: string;
  adminHost: string;
}

/** @throws when the port is taken on either address. */
export async function listen(app: NestFastifyApplication, { port, host, adminHost }: Addresses): Promise<void> {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const door = createServer((socket) => fastify.server.emit('connection', socket));
  fastify.addHook('onClose', () => void door.close());
  await app.listen({ port, host, backlog: ACCEPT_BACKLOG });
  const bound = fastify.addresses() as AddressInfo[];
  const wanted = ipaddr.process(adminHost);
  // A wildcard means wherever the gateway listens.
  if (wanted.range() === 'unspecified' || bound.some(({ address }) => covers(address, wanted))) return;
  door.listen({ port: bound[0]!.port, host: adminHost, backlog: ACCEPT_BACKLOG });
  await once(door, 'listening');
}

function covers(address: string, wanted: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const bound = ipaddr.process(address);
  if (bound.range() === 'unspecified') return bound.kind() === 'ipv6' || wanted.kind() === 'ipv4';
  return bound.toNormalizedString() === wanted.toNormalizedString();
}
