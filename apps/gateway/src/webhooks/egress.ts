/**
 * A POST to a receiver, over connections whose every address the policy has let pass.
 *
 * Invariants: those of egress/checked-agent.ts; an attempt ends within its time; at most 64 kB of an answer's body
 * and 128 kB in all are read, and none of it is kept.
 */
import type { LookupFunction } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import { retryAfterMs, type AttemptFailure } from '#inference';
import type { AddressPolicy } from '../egress/address-policy.js';
import { checkedAgent, isAddressRefusal } from '../egress/checked-agent.js';

const MAX_ANSWER_BYTES = 65_536;
/** With its headers, and what else may stand around its body. */
const MAX_READ_BYTES = 131_072;
/** An answer is acknowledged by its status; the rest is read only so that the connection can be used again. */
const REST_OF_ANSWER_MS = 1_000;
/** As many as there are permits for an endpoint, times a few endpoints on one host. */
export const CONNECTIONS_PER_ORIGIN = 8;

export interface Post {
  url: URL;
  headers: Record<string, string>;
  body: string;
  /** Cuts the attempt short. */
  signal: AbortSignal;
}

export interface PostResult {
  ms: number;
  status?: number;
  failure?: AttemptFailure;
  /** What the receiver asked for. */
  retryAfterMs?: number;
}

export interface EgressOptions {
  policy: AddressPolicy;
  timeoutMs: number;
  /** How names are resolved; for tests. */
  lookup?: LookupFunction;
  /** Certificates of authorities that receivers may have besides the public ones; for tests. */
  ca?: string;
}

const LATE = new Error('no answer in time');

export class Egress {
  private readonly agent: Agent;

  constructor(private readonly options: EgressOptions) {
    this.agent = checkedAgent({ ...options, connections: CONNECTIONS_PER_ORIGIN, mostRead: MAX_READ_BYTES });
  }

  async post({ url, headers, body, signal }: Post): Promise<PostResult> {
    const begun = performance.now();
    const ms = (): number => performance.now() - begun;
    try {
      // Hosts that are addresses are never looked up.
      this.options.policy.check(url.href);
    } catch {
      return { ms: ms(), failure: 'address-refused' };
    }
    // Not AbortSignal.any: a signal that lives on keeps a reference to each that was made from it.
    const attempt = new AbortController();
    const timer = setTimeout(() => attempt.abort(LATE), this.options.timeoutMs);
    const stop = (): void => attempt.abort();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    try {
      const answer = await this.agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers,
        body,
        signal: attempt.signal,
      });
      const result = { ms: ms(), status: answer.statusCode };
      const asked = retryAfterMs(answer.headers['retry-after'], Date.now());
      await leaveRest(answer);
      return asked === undefined ? result : { ...result, retryAfterMs: asked };
    } catch (error) {
      return { ms: ms(), failure: attempt.signal.reason === LATE ? 'timeout' : failureOf(error) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** Reads what is left of an answer, within bounds. */
async function leaveRest({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: MAX_ANSWER_BYTES, signal: AbortSignal.timeout(REST_OF_ANSWER_MS) }).catch(() => undefined);
}

function failureOf(error: unknown): AttemptFailure {
  if (isAddressRefusal(error)) return 'address-refused';
  const code = String((error as { code?: unknown }).code);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') return 'dns';
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout';
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) return 'tls';
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/.test(code)) return 'connect';
  return 'broken';
}
