/**
 * Endpoints as submissions and deliveries see them: may this owner have webhooks sent there, and signed with what.
 *
 * Invariant: what is answered here is at most CACHE_MS old, so that a change on another gateway is seen within that; the
 * cache is bounded, the oldest goes first.
 */
import {
  endpointId,
  SluiceError,
  type Clock,
  type Endpoint,
  type EndpointChange,
  type EndpointStore,
  type OwnedEndpoint,
} from '#inference';
import { redisAnswers } from '../durable/durable.service.js';
import type { AddressPolicy } from '../egress/address-policy.js';

const CACHE_MS = 1_000;
const MAX_CACHED = 10_000;

export interface EndpointsOptions {
  store: EndpointStore;
  policy: AddressPolicy;
  clock: Clock;
  /** Signs where an endpoint has no secret of its own. */
  secret: string | undefined;
}

export class Endpoints {
  private readonly cached = new Map<string, { at: number; found: Promise<Endpoint | undefined> }>();

  constructor(private readonly options: EndpointsOptions) {}

  /** For every submission that names a webhook. @throws WEBHOOK_REFUSED, WEBHOOK_UNSIGNED, WEBHOOK_DISABLED. */
  async accept(owner: string, text: string): Promise<void> {
    const url = this.options.policy.check(text);
    const id = endpointId(owner, url);
    const endpoint = await redisAnswers(this.find(id));
    if (endpoint?.disabled !== undefined) throw disabled(id);
    if (this.secrets(endpoint).length > 0) return;
    throw new SluiceError(
      'WEBHOOK_UNSIGNED',
      'There is no secret to sign this webhook with. Register its endpoint under /v1/webhooks/endpoints, or have SLUICE_WEBHOOK_SECRET set.',
    );
  }

  find(id: string): Promise<Endpoint | undefined> {
    const now = performance.now();
    const known = this.cached.get(id);
    if (known && now - known.at < CACHE_MS) return known.found;
    const found = this.options.store.read(id);
    this.cached.delete(id);
    this.cached.set(id, { at: now, found });
    for (const oldest of this.cached.keys()) {
      if (this.cached.size <= MAX_CACHED) break;
      this.cached.delete(oldest);
    }
    // What could not be read is asked for again by the next.
    found.catch(() => this.cached.delete(id));
    return found;
  }

  /** What signs now, the current secret first; empty when nothing may be sent. */
  secrets(endpoint: Endpoint | undefined): string[] {
    const now = this.options.clock.now();
    const own = (endpoint?.secrets ?? []).filter(({ until }) => until === undefined || until > now);
    if (own.length > 0) return own.map(({ secret }) => secret);
    return this.options.secret === undefined ? [] : [this.options.secret];
  }

  /** @throws WEBHOOK_REFUSED, also when the owner has too many. */
  async put(change: Omit<EndpointChange, 'url'> & { url: string }): Promise<{ id: string; fresh: boolean }> {
    const url = this.options.policy.check(change.url);
    const id = endpointId(change.owner, url);
    const answer = await redisAnswers(this.options.store.put({ ...change, url }));
    this.cached.delete(id);
    if (answer === 'full') {
      throw new SluiceError('WEBHOOK_REFUSED', 'There are as many endpoints as an owner may have. Delete one first.');
    }
    return { id, fresh: answer === 'fresh' };
  }

  async rotate(of: OwnedEndpoint, secret: string, overlapMs: number): Promise<void> {
    this.known(await redisAnswers(this.options.store.rotate(of, secret, overlapMs)), of);
  }

  async enable(of: OwnedEndpoint): Promise<void> {
    this.known(await redisAnswers(this.options.store.enable(of)), of);
  }

  async remove(of: OwnedEndpoint): Promise<void> {
    this.known(await redisAnswers(this.options.store.remove(of)), of);
  }

  async get(of: OwnedEndpoint): Promise<Endpoint> {
    const endpoint = await redisAnswers(this.options.store.read(of.id));
    if (endpoint?.owner !== of.owner) throw notFound(of.id);
    return endpoint;
  }

  list(owner: string): Promise<Endpoint[]> {
    return redisAnswers(this.options.store.list(owner));
  }

  private known(exists: boolean, { id }: OwnedEndpoint): void {
    this.cached.delete(id);
    if (!exists) throw notFound(id);
  }
}

export function disabled(id: string): SluiceError {
  return new SluiceError(
    'WEBHOOK_DISABLED',
    `The endpoint answered 410 and was disabled. POST to /v1/webhooks/endpoints/${id}/enable when it takes webhooks again.`,
  );
}

function notFound(id: string): SluiceError {
  return new SluiceError(
    'ENDPOINT_NOT_FOUND',
    `There is no webhook endpoint ${JSON.stringify(id.slice(0, 64))}. GET /v1/webhooks/endpoints lists them.`,
  );
}
