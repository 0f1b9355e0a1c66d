/** The bulk routes of a gateway, as a command speaks to them. What may pass (no connection, 503, 429) is told apart. */
export interface BatchView {
  id: string;
  status: string;
  committed: number;
  rows: Record<'starting' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'aborted', number>;
}

/** `committed` is there when the server says how many rows it has. */
export class ServerError extends Error {
  constructor(
    message: string,
    /** Trying again later may help. */
    readonly passing: boolean,
    readonly details: { retryAfterMs?: number; committed?: number; code?: string } = {},
  ) {
    super(message);
  }
}

export interface ClientOptions {
  url: string;
  apiKey: string | undefined;
  signal: AbortSignal;
}

const PASSING = new Set([408, 429, 502, 503, 504]);

export class BatchClient {
  constructor(private readonly options: ClientOptions) {}

  /** An open batch without rows; the same one for the same key. */
  async create(wanted: { model: string; version?: string | undefined; key: string }): Promise<BatchView> {
    const query = new URLSearchParams({ model: wanted.model, seal: 'false' });
    if (wanted.version !== undefined) query.set('version', wanted.version);
    return this.json(`/v1/batches?${query.toString()}`, { method: 'POST', headers: { 'idempotency-key': wanted.key } });
  }

  read(id: string): Promise<BatchView> {
    return this.json(`/v1/batches/${id}`, {});
  }

  append(id: string, from: number, lines: string): Promise<BatchView> {
    const headers = { 'content-type': 'application/jsonl' };
    return this.json(`/v1/batches/${id}/rows?from=${from}&seal=false`, { method: 'POST', headers, body: lines });
  }

  seal(id: string, from: number): Promise<BatchView> {
    return this.json(`/v1/batches/${id}/rows?from=${from}`, { method: 'POST' });
  }

  /** Lines of rows that have ended, from `row` to the first that has not. */
  async results(id: string, row: number): Promise<AsyncIterable<Buffer>> {
    const response = await this.ask(`/v1/batches/${id}/results?from=${row}&ended=true`, {});
    return (response.body ?? []) as AsyncIterable<Buffer>;
  }

  private async json(path: string, init: RequestInit): Promise<BatchView> {
    const response = await this.ask(path, init);
    return (await response.json()) as BatchView;
  }

  private async ask(path: string, init: RequestInit): Promise<Response> {
    const { url, apiKey, signal } = this.options;
    const headers = new Headers(init.headers);
    if (apiKey !== undefined) headers.set('authorization', `Bearer ${apiKey}`);
    let response: Response;
    try {
      response = await fetch(url + path, { ...init, headers, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ServerError(`${url} does not answer (${reasonOf(error)}). Is it the address of a gateway?`, true);
    }
    if (response.ok) return response;
    throw await this.refusal(response);
  }

  private async refusal(response: Response): Promise<ServerError> {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; committed?: number };
    const seconds = Number(response.headers.get('retry-after') ?? NaN);
    return new ServerError(problem.detail ?? `The server answered ${response.status}.`, PASSING.has(response.status), {
      ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
      ...(problem.committed === undefined ? {} : { committed: problem.committed }),
      ...(problem.code === undefined ? {} : { code: problem.code }),
    });
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string }; message?: string };
  return cause?.code ?? message ?? 'unknown';
}
