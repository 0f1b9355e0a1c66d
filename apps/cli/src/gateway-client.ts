/**
 * A gateway as commands speak to it over HTTP. Its refusals (application/problem+json) and its absence are one kind of
 * error, which says whether trying again may help.
 *
 * Invariants: the key goes to SLUICE_URL alone and into no message; a body that is streamed is read only as fast as the
 * network takes it, and no further once the gateway has answered.
 */
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { request } from 'undici';
import { loadClientConfig } from '../../../libs/inference/src/config.js';
import { CommandError, EXIT } from './command.js';

const PASSING = new Set([408, 429, 502, 503, 504]);
/** Of a body that is sent piece by piece, because it is larger. */
const PIECE_BYTES = 64 * 1024;
/** Of an answer that is taken into memory as a whole. */
const MOST_ANSWER_BYTES = 256 * 1024 * 1024;

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** What is undefined is left out. */
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** A stream is sent chunked unless a header says its length. */
  body?: string | Buffer | Readable;
}

export interface GatewayAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: AsyncIterable<Buffer>;
}

/** `problem` is what the gateway said, beside its code and its sentence. */
export class GatewayError extends CommandError {
  constructor(
    message: string,
    /** Trying again later may help. */
    readonly passing: boolean,
    readonly details: { retryAfterMs?: number; code?: string; problem?: Record<string, unknown> } = {},
  ) {
    super(message, passing ? EXIT.notNow : EXIT.failed);
  }
}

export interface GatewayOptions {
  url: string;
  apiKey: string | undefined;
  signal?: AbortSignal | undefined;
}

export class GatewayClient {
  constructor(private readonly options: GatewayOptions) {}

  /** The gateway of SLUICE_URL, with the key of SLUICE_API_KEY. */
  static configured(signal?: AbortSignal): GatewayClient {
    return new GatewayClient({ ...loadClientConfig(), signal });
  }

  /** The answer's JSON. @throws GatewayError; what the signal throws */
  async json<T>(path: string, ask: Ask = {}): Promise<T> {
    const text = await this.text(path, ask);
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new CommandError(`${this.options.url} answered something else than JSON. Is it a gateway?`, EXIT.failed);
    }
  }

  /** The answer as it came. @throws GatewayError; what the signal throws */
  async text(path: string, ask: Ask = {}): Promise<string> {
    return textOf(await this.ask(path, ask));
  }

  /** @throws GatewayError when it does not answer, or anything but success; what the signal throws */
  async ask(path: string, { method = 'GET', query = {}, headers = {}, body }: Ask = {}): Promise<GatewayAnswer> {
    const { url, apiKey, signal } = this.options;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
    const target = `${url}${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
    const key = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const length = Buffer.isBuffer(body) ? { 'content-length': String(body.length) } : {};
    let answer: GatewayAnswer;
    try {
      const sent = await request(target, {
        method,
        headers: { accept: 'application/json', ...length, ...headers, ...key },
        body: body === undefined || typeof body === 'string' ? (body ?? null) : Readable.from(paced(body)),
        ...(signal && { signal }),
      });
      answer = { status: sent.statusCode, headers: sent.headers, body: whole(sent.body, this.options) };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw noAnswer(url, error);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await refusal(url, answer);
  }
}

/**
 * Before each piece what has come in is read: it may be a refusal, after which there is nobody to write to, and a write
 * that fails takes with it what was not read yet.
 */
async function* paced(body: Buffer | Readable): AsyncGenerator<Buffer> {
  for await (const piece of Buffer.isBuffer(body) ? slices(body) : (body as AsyncIterable<Buffer>)) {
    await turn();
    yield piece;
  }
}

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES);
}

/** A body that breaks off is a gateway that does not answer. */
async function* whole(body: AsyncIterable<Buffer>, { url, signal }: GatewayOptions): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw noAnswer(url, error);
  }
}

async function textOf({ body }: GatewayAnswer): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MOST_ANSWER_BYTES) throw new Error(`The answer has more than ${MOST_ANSWER_BYTES} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The source of a body may fail as well, a file of it above all: that is nothing about the gateway. */
function noAnswer(url: string, error: unknown): Error {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (error instanceof CommandError || path !== undefined) return error as Error;
  return new GatewayError(
    `${url} does not answer (${code ?? message}). SLUICE_URL says where the gateway is; "sluice serve" starts one on this machine.`,
    true,
  );
}

async function refusal(url: string, answer: GatewayAnswer): Promise<GatewayError> {
  const problem = await problemOf(answer);
  const { status, headers } = answer;
  const seconds = Number(headers['retry-after'] ?? NaN);
  const code = typeof problem['code'] === 'string' ? problem['code'] : undefined;
  const detail =
    typeof problem['detail'] === 'string'
      ? problem['detail']
      : `${url} answered ${status}, and not as a gateway does. SLUICE_URL says where the gateway is.`;
  return new GatewayError(code === undefined ? detail : `${code}: ${detail}`, PASSING.has(status), {
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
    ...(code === undefined ? {} : { code }),
    problem,
  });
}

/** Empty for what no gateway of ours says: a proxy's page, or an answer that breaks off. */
async function problemOf(answer: GatewayAnswer): Promise<Record<string, unknown>> {
  try {
    const said = JSON.parse(await textOf(answer)) as unknown;
    return typeof said === 'object' && said !== null ? { ...said } : {};
  } catch {
    return {};
  }
}
