/**
 * A package from a gateway's store: `GET /v1/packages/{digest}` says what it holds, `GET …/files/{file}` gives each file.
 * What comes is checked by whoever stores it (PackageStore.adopt).
 *
 * Invariants: nothing is waited for longer than IDLE_MS without a byte; a refusal for good says so and is not asked
 * again; no message holds the key or an address.
 */
import { request, type Dispatcher } from 'undici';
import { announcedSchema, type Announced } from '#inference';

const IDLE_MS = 20_000;
/** A thousand files with long names. */
const MAX_LIST_BYTES = 1024 * 1024;

/** Asking again would give the same. */
export class RefusedForGood extends Error {}

/** There is no gateway that answers just now: it says nothing about the package. */
export class GatewayAway extends Error {}

export class PackageFetch {
  constructor(
    private readonly gatewayUrl: string,
    private readonly key: string | undefined,
  ) {}

  /** @throws Error with a sentence for the operator. */
  async list(digest: string, signal: AbortSignal): Promise<Announced> {
    const body = await this.get(`/v1/packages/${digest}`, signal);
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > MAX_LIST_BYTES) throw new RefusedForGood('The gateway announces a package of too many files.');
      pieces.push(piece);
    }
    const parsed = announcedSchema.safeParse(json(Buffer.concat(pieces)));
    if (parsed.success) return parsed.data;
    throw new RefusedForGood('SLUICE_GATEWAY_URL answers, but not as a gateway of this version does. Is it one?');
  }

  file(digest: string, name: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const path = name.split('/').map(encodeURIComponent).join('/');
    return this.get(`/v1/packages/${digest}/files/${path}`, signal);
  }

  private async get(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const headers = this.key === undefined ? {} : { authorization: `Bearer ${this.key}` };
    const options = { headers, signal, headersTimeout: IDLE_MS, bodyTimeout: IDLE_MS };
    const { statusCode, body } = await request(this.gatewayUrl + path, options).catch(gone);
    if (statusCode === 200) return whole(body);
    // Read to its end, so that the connection may be used again.
    await body.dump();
    if (statusCode === 401 || statusCode === 403) {
      throw new RefusedForGood(
        `The gateway refuses this worker's key (${statusCode}). Give SLUICE_WORKER_KEY a key with the scope "worker".`,
      );
    }
    if (statusCode === 404) throw new Error('The gateway has no such package in its store. Do all gateways share one?');
    throw new GatewayAway(`The gateway answered ${statusCode} when it was asked for the package.`);
  }
}

async function* whole(body: Dispatcher.ResponseData['body']): AsyncGenerator<Uint8Array> {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    gone(error);
  }
}

/** What a socket says of it holds addresses. */
function gone(cause: unknown): never {
  throw new GatewayAway('The gateway cannot be reached, or broke off. Is SLUICE_GATEWAY_URL right?', { cause });
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
