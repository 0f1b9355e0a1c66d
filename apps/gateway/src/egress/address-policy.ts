/**
 * Where the gateway may be sent by URLs that callers give. A URL is checked when it is given, for what can be seen of it,
 * and every address that it stands for is checked when it is dialled, for a name may point elsewhere by then.
 *
 * Invariants: without an allow-list only https on 443 and 8443 to globally routable unicast addresses is possible; an
 * allow-list opens its own addresses, for http and other ports too, and nothing else.
 */
import ipaddr from 'ipaddr.js';
import type { SluiceError } from '#inference';

const PORTS = new Set(['', '443', '8443']);
const MAX_URL_LENGTH = 2_048;
/** Names that never leave a machine or its network. */
const INNER_NAMES = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)\.?$/;
/** What URL and resolvers leave of every spelling: IPv4 with dots, or IPv6. */
const LITERAL = /^[\d.]+$|:/;
/** All that is routed publicly lies in 2000::/3; ipaddr.js takes some ranges outside of it for unicast, as ::127.0.0.1. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];
/** Public by its number alone: every machine of Azure reaches its host under it. */
const AZURE_HOST = '168.63.129.16';

export type Way = Pick<URL, 'protocol' | 'port'>;
type Address = ipaddr.IPv4 | ipaddr.IPv6;

export function isInnerName(name: string): boolean {
  return INNER_NAMES.test(name);
}

export class AddressPolicy {
  private readonly allowed: [Address, number][];

  /**
   * @param cidrs as `10.1.0.0/16`.
   * @param refused makes a failure of the rest of a sentence about a URL, as "is not an https URL".
   */
  constructor(
    cidrs: readonly string[],
    private readonly refused: (what: string) => SluiceError,
  ) {
    this.allowed = cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  }

  /** @throws what `refused` makes, with what was expected. */
  check(text: string): URL {
    if (text.length > MAX_URL_LENGTH)
      throw this.refused(`has ${text.length} characters; at most ${MAX_URL_LENGTH} are allowed`);
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      throw this.refused('is not a URL; one as https://example.com/… was expected');
    }
    // Letters outside ASCII grow by the way.
    if (url.href.length > MAX_URL_LENGTH)
      throw this.refused(`has ${url.href.length} characters as it is sent; at most ${MAX_URL_LENGTH} are allowed`);
    if (url.username !== '' || url.password !== '') throw this.refused('holds a user or password; leave them out');
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw this.refused('is not an https URL');
    const address = literal(url.hostname);
    if (address) {
      if (!this.mayDial(address, url)) throw this.refused('leads to an address or port that may not be reached');
      return url;
    }
    // What a name stands for is known when it is dialled; until then an allow-list may be meant.
    if (this.allowed.length > 0) return url;
    if (!isPlain(url)) throw this.refused('must be https on port 443 or 8443');
    if (isInnerName(url.hostname)) throw this.refused('names a host of an internal network');
    return url;
  }

  /** Whether anything may be dialled that is not public. */
  get hasAllowList(): boolean {
    return this.allowed.length > 0;
  }

  /** Whether a resolved address may be dialled for this URL. */
  mayDial(address: string | Address, way: Way): boolean {
    const parsed = typeof address === 'string' ? literal(address) : address;
    if (!parsed) return false;
    return this.isAllowed(parsed) || (isPlain(way) && isPublic(parsed));
  }

  private isAllowed(address: Address): boolean {
    return this.allowed.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  }
}

/** The address that a host is written as; undefined when it is a name. IPv4 in IPv6 comes out as IPv4. */
function literal(host: string): Address | undefined {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  // ipaddr.js finds out by throwing, which costs more than all the rest of a submission's check.
  return LITERAL.test(bare) && ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined;
}

/** How public addresses are reached, the only way there is without an allow-list. */
export function isPlain({ protocol, port }: Way): boolean {
  return protocol === 'https:' && PORTS.has(port);
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || address.toString() === AZURE_HOST) return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_IPV6);
}
