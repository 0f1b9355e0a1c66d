/**
 * Connections of which every address was let pass by a policy.
 *
 * Invariants: the connection goes to an address that was checked, never to one resolved again; no redirect is followed,
 * no proxy variable is read, TLS is always verified.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isInnerName, isPlain, type AddressPolicy, type Way } from './address-policy.js';
import { boundRead } from './read-bound.js';
import { resolveNames } from './resolve-name.js';

const KEEP_ALIVE_MS = 4_000;
const REFUSED = 'ERR_SLUICE_ADDRESS_REFUSED';

export interface CheckedAgentOptions {
  policy: AddressPolicy;
  /** Milliseconds to connect, until the headers of an answer, and between two pieces of its body. */
  timeoutMs: number;
  /** Connections to one origin at the same time. */
  connections: number;
  /** Bytes of one answer, all of it; without it headers alone are bounded. */
  mostRead?: number | undefined;
  /** How names are resolved; for tests. */
  lookup?: LookupFunction | undefined;
  /** Certificates of authorities that servers may have besides the public ones; for tests. */
  ca?: string | undefined;
}

/** Hosts that are addresses are never looked up: check the URL itself before each request. */
export function checkedAgent(options: CheckedAgentOptions): Agent {
  const { policy, timeoutMs: timeout, connections, mostRead, lookup, ca } = options;
  const fixed = { timeout, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  const resolve = lookup ?? resolveNames({ asksSystem: policy.hasAllowList, isInner: isInnerName });
  // What an address may be hangs on protocol and port, of which a lookup is not told.
  const plain = buildConnector({
    ...fixed,
    lookup: checkedLookup(policy, resolve, { protocol: 'https:', port: '443' }),
  });
  const other = buildConnector({ ...fixed, lookup: checkedLookup(policy, resolve, { protocol: 'http:', port: '' }) });
  return new Agent({
    connections,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    connect: (target, callback) =>
      (isPlain(target) ? plain : other)(target, mostRead === undefined ? callback : boundRead(mostRead, callback)),
  });
}

/** Whether this is what a request fails with when its host stands for an address that may not be dialled. */
export function isAddressRefusal(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === REFUSED;
}

/** Resolves a name and lets it pass only if all of its addresses may be dialled. */
function checkedLookup(policy: AddressPolicy, resolve: LookupFunction, way: Way): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const addresses = error ? [] : (found as LookupAddress[]);
      const [first] = addresses;
      if (!first) return callback(error ?? refusal(), '', 0);
      if (!addresses.every(({ address }) => policy.mayDial(address, way))) return callback(refusal(), '', 0);
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function refusal(): NodeJS.ErrnoException {
  return Object.assign(new Error('the address may not be dialled'), { code: REFUSED });
}
