/**
 * Where routes that manage models answer: on connections to the machine itself, and on SLUICE_ADMIN_HOST where that is
 * another address. Who may call them is decided before, by scope (owner.ts).
 *
 * Invariants: no web page of another site reaches them, whatever name it has for this machine; as long as they are for
 * the machine itself, nothing that was passed on by a proxy does either. With keys, what workers fetch answers anywhere.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { SluiceError } from '#inference';
import { scopesOf } from './owner.js';

export interface AdminPlace {
  /** SLUICE_ADMIN_HOST. */
  host: string;
  /** Whether callers are known by keys. */
  hasKeys: boolean;
}

/** What of a request says by which way it came. */
export interface Arrival {
  /** Of this end of the connection. */
  localAddress: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

const PASSED_ON = new Set(['forwarded', 'via', 'x-real-ip']);
const SAME_SITE = new Set([undefined, 'none', 'same-origin']);
const LOOPBACK_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

export function installAdminGate(app: FastifyInstance, { host, hasKeys }: AdminPlace): void {
  app.addHook('onRequest', (request, _reply, next) => {
    if (!isHeld(request, hasKeys)) return next();
    const { headers, raw } = request;
    const why = whyElsewhere({ localAddress: raw.socket.localAddress, headers }, host);
    next(why === undefined ? undefined : new SluiceError('ADMIN_ELSEWHERE', why));
  });
}

/** Whether SLUICE_ADMIN_HOST lets anybody but the machine itself in. */
export function isOpened(host: string): boolean {
  return ipaddr.process(host).range() !== 'loopback';
}

/** Why a request is not answered where it came, in a sentence that says where it would be; undefined when it is. */
export function whyElsewhere({ localAddress, headers }: Arrival, host: string): string | undefined {
  if (!mayArriveAt(localAddress, host)) {
    return `Models are not managed at this address: ask ${whereInstead(host)}, or set SLUICE_ADMIN_HOST.`;
  }
  if (!SAME_SITE.has(text(headers['sec-fetch-site'])) || isForeign(text(headers.origin), text(headers.host))) {
    return 'Models are not managed from web pages of another site. Use the command line or a program.';
  }
  if (isOpened(host)) return undefined;
  if (Object.keys(headers).some((name) => PASSED_ON.has(name) || name.startsWith('x-forwarded-'))) {
    return 'This came through a proxy, and models are managed on the machine itself alone. Ask there, or set SLUICE_ADMIN_HOST.';
  }
  if (LOOPBACK_NAME.test(text(headers.host) ?? '')) return undefined;
  return 'Models are managed under the name localhost or 127.0.0.1 alone. Ask there, or set SLUICE_ADMIN_HOST.';
}

/** Without keys the packages are for the machine itself too. */
function isHeld(request: FastifyRequest, hasKeys: boolean): boolean {
  const scopes = scopesOf(request);
  return !scopes.includes('predict') && !(hasKeys && scopes.includes('worker'));
}

function mayArriveAt(localAddress: string | undefined, host: string): boolean {
  if (localAddress === undefined || !ipaddr.isValid(localAddress)) return false;
  const here = ipaddr.process(localAddress);
  const there = ipaddr.process(host);
  if (here.range() === 'loopback' || there.range() === 'unspecified') return true;
  return here.toNormalizedString() === there.toNormalizedString();
}

function whereInstead(host: string): string {
  return isOpened(host) ? `the address ${host} of this machine` : 'on the machine itself, at 127.0.0.1';
}

function isForeign(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return false;
  return origin !== `http://${host}` && origin !== `https://${host}`;
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
