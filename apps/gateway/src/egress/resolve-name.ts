/**
 * Names to addresses, as net.connect asks for them (`lookup`), of hosts that anybody may have named.
 *
 * Invariant: a nameserver that says nothing holds up nobody but those who asked for its names. The system's own resolver
 * runs in threads of which libuv lends two to all names of the process, and cannot be told to stop: some names whose
 * servers are silent would keep every other from being resolved. So DNS is asked directly (c-ares), for six seconds at
 * most, and the system only for what it alone may know, which leads nowhere without an allow-list.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';

/** Of the first try; the second has twice the time. */
const TRY_MS = 2_000;
const TRIES = 2;
/** With addresses of one family there, the other is waited for so long. */
const OTHER_FAMILY_MS = 500;
const UNKNOWN = new Set(['ENOTFOUND', 'ENODATA']);

export interface NamesOptions {
  /** Whether the system is asked for what DNS does not know: files of hosts, short names. */
  asksSystem: boolean;
  /** Whether a name never leaves a machine or its network, so that DNS need not be asked. */
  isInner: (name: string) => boolean;
  /** Nameservers in place of those of the system, as `127.0.0.1:53`; for tests. */
  servers?: readonly string[];
}

export function resolveNames({ asksSystem, isInner, servers }: NamesOptions): LookupFunction {
  return (name, options, callback) => {
    if (isIP(name) !== 0 || (asksSystem && isInner(name)))
      return systemLookup(name, { ...options, all: true }, callback);
    addressesOf(name, servers).then(
      (addresses) => callback(null, addresses),
      (error: unknown) => {
        if (asksSystem && UNKNOWN.has(codeOf(error))) return systemLookup(name, { ...options, all: true }, callback);
        callback(error as NodeJS.ErrnoException, []);
      },
    );
  };
}

/** Of both families, IPv4 first. @throws ENOTFOUND when DNS knows none, else EAI_AGAIN. */
async function addressesOf(name: string, servers: readonly string[] | undefined): Promise<LookupAddress[]> {
  // One for each name: the system's settings may have changed since the last, and it can be told to stop.
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  const found: LookupAddress[] = [];
  const errors: string[] = [];
  const ask = (family: 4 | 6): Promise<void> =>
    (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name)).then(
      (addresses) => void found.push(...addresses.map((address) => ({ address, family }))),
      (error: unknown) => void errors.push(codeOf(error)),
    );
  const asked = [ask(4), ask(6)];
  await Promise.race(asked);
  const impatient = found.length > 0 ? setTimeout(() => resolver.cancel(), OTHER_FAMILY_MS) : undefined;
  await Promise.all(asked);
  clearTimeout(impatient);
  if (found.length > 0) return found.sort((one, other) => one.family - other.family);
  const code = errors.every((each) => UNKNOWN.has(each)) ? 'ENOTFOUND' : 'EAI_AGAIN';
  throw Object.assign(new Error(`DNS has no address of ${name}`), { code });
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
