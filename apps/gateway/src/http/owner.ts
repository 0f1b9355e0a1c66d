/**
 * Who a request is from and whether his key is good for it, decided once, after routing and before anything else looks
 * at it. A route says in its config (`@RouteConfig({ scopes })`) which scopes open it, any one of them; one that says
 * nothing is for predicting.
 *
 * Invariants: where there are keys, every route asks for one unless it is listed as open below, those that come later
 * and those that do not exist included; a route is known by its pattern, so that no spelling of a URL is another route.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PUBLIC_OWNER, SluiceError, type KeyLine, type Scope } from '#inference';
import type { ApiKeys } from './api-keys.js';

/** For probes, scrapers and readers; none shows anything of a prediction. */
const OPEN = ['/health/live', '/health/ready', '/metrics', '/docs'];
const OPEN_UNDER = ['/docs/', '/docs-'];

/** Older clients of Replicate say Token. */
const CREDENTIALS = /^(?:bearer|token) +(\S+) *$/i;

const FOR_PREDICTING: readonly Scope[] = ['predict'];

const owners = new WeakMap<FastifyRequest, string>();

/** Before every other hook: what is refused here has cost nothing else. */
export function installOwner(app: FastifyInstance, keys: ApiKeys | undefined): void {
  if (keys) app.addHook('onClose', () => keys.close());
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header('x-request-id', request.id);
    if (!keys) {
      owners.set(request, PUBLIC_OWNER);
      return next();
    }
    const key = knownKey(request, keys);
    if (key) owners.set(request, key.owner);
    if (isOpen(request.routeOptions.url)) return next();
    if (!key) {
      void reply.header('www-authenticate', 'Bearer');
      return next(unknownKey(request));
    }
    next(mayUse(request, key) ? undefined : outOfScope(request, key));
  });
}

/** The scopes any one of which opens the request's route. */
export function scopesOf({ routeOptions }: FastifyRequest): readonly Scope[] {
  return (routeOptions.config as { scopes?: readonly Scope[] }).scopes ?? FOR_PREDICTING;
}

/** @throws Error on an open route without a key: what belongs to nobody must not be shown to anybody. */
export function ownerOf(request: FastifyRequest): string {
  const owner = owners.get(request);
  if (owner === undefined) throw new Error(`${request.method} ${request.routeOptions.url} has no owner`);
  return owner;
}

function knownKey({ headers }: FastifyRequest, keys: ApiKeys): KeyLine | undefined {
  const [, key] = CREDENTIALS.exec(headers.authorization ?? '') ?? [];
  return key === undefined ? undefined : keys.find(key);
}

/** A path that is no route shows nothing to anybody. */
function mayUse(request: FastifyRequest, { scopes }: KeyLine): boolean {
  return request.routeOptions.url === undefined || scopesOf(request).some((scope) => scopes.includes(scope));
}

function isOpen(route: string | undefined): boolean {
  return route !== undefined && (OPEN.includes(route) || OPEN_UNDER.some((prefix) => route.startsWith(prefix)));
}

function outOfScope(request: FastifyRequest, { scopes }: KeyLine): SluiceError {
  return new SluiceError(
    'SCOPE_REQUIRED',
    `This needs a key with the scope ${scopesOf(request).join(' or ')}; the key that was sent has ${scopes.join(', ')}.`,
  );
}

function unknownKey({ headers }: FastifyRequest): SluiceError {
  return new SluiceError(
    'KEY_REQUIRED',
    headers.authorization === undefined
      ? 'This gateway wants an API key. Send it as "Authorization: Bearer slk_…".'
      : 'The Authorization header holds no API key that this gateway knows. Send "Authorization: Bearer slk_…".',
  );
}
