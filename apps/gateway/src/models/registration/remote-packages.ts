/**
 * Packages that are registered by a URL: fetched from where the settings allow, and nowhere else.
 *
 * Invariants: off unless SLUICE_PACKAGE_SOURCES names a source; every URL, of redirects too, lies below a source and
 * passes the address policy, and every address is checked when it is dialled; what comes is passed on with its size and
 * time bounded, and ends in a failure unless its sha256 is the one that the caller stated.
 */
import { createHash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { errors, type Agent, type Dispatcher } from 'undici';
import { SHA256, SluiceError } from '#inference';
import { AddressPolicy } from '../../egress/address-policy.js';
import { checkedAgent, isAddressRefusal } from '../../egress/checked-agent.js';

const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CONNECTIONS = 4;
const STEP_MS = 30_000;
const TOTAL_MS = 1_800_000;
/** A folder's end that another server may read out of a name: below a source by its letters, and elsewhere by its meaning. */
const HIDDEN_FOLDER = /%2f|%5c|%00/i;

export interface RemotePackagesOptions {
  /** URLs that end in a slash. */
  sources: readonly string[];
  allowCidrs: readonly string[];
  maxBytes: number;
  /** Milliseconds to connect, to answer, and between two pieces; and all in all. */
  stepMs?: number;
  totalMs?: number;
  /** For tests. */
  lookup?: LookupFunction;
  ca?: string;
}

export interface RemoteRequest {
  url: string;
  /** Of the file at the URL, in hex. */
  sha256: string;
  signal: AbortSignal;
}

export interface RemoteFile {
  /** Throws at its end where it was not the file that was stated. */
  bytes: AsyncIterable<Uint8Array>;
  /** The last part of the URL. */
  fileName: string;
}

export class RemotePackages {
  private readonly policy: AddressPolicy;
  private readonly agent: Agent;

  constructor(private readonly options: RemotePackagesOptions) {
    this.policy = new AddressPolicy(options.allowCidrs, refused);
    const { stepMs: timeoutMs = STEP_MS, lookup, ca } = options;
    this.agent = checkedAgent({ policy: this.policy, timeoutMs, connections: CONNECTIONS, lookup, ca });
  }

  /**
   * @throws PACKAGE_SOURCE_REFUSED where the URL may not be fetched; PACKAGE_SOURCE_FAILED where its server fails;
   *   PACKAGE_INVALID where the file is not the stated one, or too large; the signal's reason.
   */
  async fetch({ url, sha256, signal }: RemoteRequest): Promise<RemoteFile> {
    if (!SHA256.test(sha256)) {
      throw new SluiceError(
        'PACKAGE_INVALID',
        'A package is fetched by its sha256; expected 64 small hexadecimal digits. sha256sum prints them.',
      );
    }
    const end = AbortSignal.any([signal, AbortSignal.timeout(this.options.totalMs ?? TOTAL_MS)]);
    const asked = this.check(url);
    const answer = await told(signal, () => this.follow(asked, end));
    return {
      bytes: this.checked(answer, { sha256, signal }),
      fileName: decoded(asked.pathname.split('/').at(-1)!),
    };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private check(text: string): URL {
    const { sources } = this.options;
    if (sources.length === 0) {
      throw new SluiceError(
        'PACKAGE_SOURCE_REFUSED',
        'This gateway fetches no packages: SLUICE_PACKAGE_SOURCES is not set. Upload the package instead.',
      );
    }
    const url = this.policy.check(text);
    // Both sides are as URL writes them: without dot segments, with small letters in the host.
    if (!sources.some((source) => url.href.startsWith(source))) throw refused('is not below a source that is allowed');
    if (HIDDEN_FOLDER.test(url.pathname)) throw refused('has an encoded slash, backslash or NUL in its path');
    return url;
  }

  private async follow(asked: URL, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    let url = asked;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: { accept: '*/*', 'accept-encoding': 'identity' },
        signal,
      });
      if (answer.statusCode === 200) return answer;
      // Nothing of what comes instead is wanted.
      answer.body.on('error', () => undefined).destroy();
      if (!REDIRECTS.has(answer.statusCode)) throw failed(`answered ${answer.statusCode}; expected 200`);
      if (redirects === MAX_REDIRECTS) throw failed(`redirected more than ${MAX_REDIRECTS} times`);
      const { location: given } = answer.headers;
      const location = typeof given === 'string' ? URL.parse(given, url.href) : null;
      if (!location) throw failed('redirected to what is no URL');
      url = this.check(location.href);
    }
  }

  private async *checked(
    answer: Dispatcher.ResponseData,
    { sha256, signal }: Omit<RemoteRequest, 'url'>,
  ): AsyncGenerator<Uint8Array> {
    const { maxBytes } = this.options;
    const hash = createHash('sha256');
    let came = 0;
    try {
      if (answer.headers['content-encoding'] !== undefined)
        throw failed('encoded the file, which was asked for as it is');
      if (Number(answer.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        came += piece.length;
        if (came > maxBytes) throw tooLarge(maxBytes);
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      throw named(signal, error);
    } finally {
      answer.body.on('error', () => undefined).destroy();
    }
    const sum = hash.digest('hex');
    if (sum === sha256) return;
    throw new SluiceError(
      'PACKAGE_INVALID',
      `The file at the URL has the sha256 ${sum}; expected ${sha256}. State the sum of the file that is meant.`,
    );
  }
}

async function told<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw named(signal, error);
  }
}

function named(signal: AbortSignal, error: unknown): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof SluiceError) return error;
  if (isAddressRefusal(error)) return refused('leads to an address that may not be reached');
  const isLate =
    (error as Error).name === 'TimeoutError' ||
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError;
  return failed(isLate ? 'was too slow' : 'cannot be reached, or broke off');
}

function refused(what: string): SluiceError {
  return new SluiceError(
    'PACKAGE_SOURCE_REFUSED',
    `The package's URL ${what}. See docs/archives.md for what is fetched.`,
  );
}

function failed(what: string): SluiceError {
  return new SluiceError(
    'PACKAGE_SOURCE_FAILED',
    `The server of the package's URL ${what}. Look after it, or upload the package.`,
  );
}

function tooLarge(most: number): SluiceError {
  return new SluiceError(
    'PACKAGE_INVALID',
    `The package has more than ${most} bytes. Make it smaller, or raise SLUICE_MAX_PACKAGE_BYTES.`,
  );
}

/** A name for people; a wrong escape stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
