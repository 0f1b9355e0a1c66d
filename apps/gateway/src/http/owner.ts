/**
 * Who a request is from, decided once, after routing and before anything else looks at it.
 *
 * Invariants: where there are keys, every route asks for one unless it is listed as open below, those that come later
 * and those that do not exist included; a route is known by its pattern, so that no spelling of a URL is another route.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PUBLIC_OWNER, SluiceError } from '#inference';
import type { ApiKeys } from './api-keys.js';

/** For probes, scrapers and readers; none shows anything of a prediction. */
const OPEN = ['/health/live', '/health/ready', '/metrics', '/docs'];
const OPEN_UNDER = ['/docs/', '/docs-'];

/** Older clients of Replicate say Token. */
const CREDENTIALS = /^(?:bearer|token) +(\S+) *$/i;

const owners = new WeakMap<FastifyRequest, string>();

/** Before every other hook: what is refused here has cost nothing else. */
export function installOwner(app: FastifyInstance, keys: ApiKeys | undefined): void {
  if (keys) app.addHook('onClose', () => keys.close());
  app.addHook('onRequest', (request, reply, next) => {
    const owner = keys ? knownOwner(request, keys) : PUBLIC_OWNER;
    if (owner !== undefined) owners.set(request, owner);
    else if (!isOpen(request.routeOptions.url)) {
      void reply.header('x-request-id', request.id).header('www-authenticate', 'Bearer');
      return next(refusal(request));
    }
    next();
  });
}

/** @throws Error on an open route without a key: what belongs to nobody must not be shown to anybody. */
export function ownerOf(request: FastifyRequest): string {
  const owner = owners.get(request);
  if (owner === undefined) throw new Error(`${request.method} ${request.routeOptions.url} has no owner`);
  return owner;
}

function knownOwner({ headers }: FastifyRequest, keys: ApiKeys): string | undefined {
  const [, key] = CREDENTIALS.exec(headers.authorization ?? '') ?? [];
  return key === undefined ? undefined : keys.ownerOf(key);
}

function isOpen(route: string | undefined): boolean {
  return route !== undefined && (OPEN.includes(route) || OPEN_UNDER.some((prefix) => route.startsWith(prefix)));
}

function refusal({ headers }: FastifyRequest): SluiceError {
  return new SluiceError(
    'KEY_REQUIRED',
    headers.authorization === undefined
      ? 'This gateway wants an API key. Send it as "Authorization: Bearer slk_…".'
      : 'The Authorization header holds no API key that this gateway knows. Send "Authorization: Bearer slk_…".',
  );
}
