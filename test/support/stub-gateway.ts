/** Stands for a gateway where only what a client sends is looked at: answers what it is told, and keeps what came. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  /** As in `POST /v1/models`. */
  route: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  /** The first bytes of the body, and how many there were. */
  body: Buffer;
  bytes: number;
}

export interface StubAnswer {
  status?: number;
  /** A problem is told by its status. */
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
  /** Before the body is read, which then never is. */
  isEarly?: true;
  /** Instead of all that the connection is reset. */
  breaks?: true;
}

type Answering = StubAnswer | ((asked: Asked) => StubAnswer | Promise<StubAnswer>);

const KEPT_BYTES = 1024 * 1024;

export class StubGateway {
  readonly asked: Asked[] = [];
  private readonly answers = new Map<string, Answering[]>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<StubGateway> {
    const server = createServer((request, response) => void stub.take(request, response));
    const stub: StubGateway = new StubGateway(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** One answer after the other, the last for ever. Without any a route is a 404. */
  on(route: string, ...answers: Answering[]): this {
    this.answers.set(route, answers);
    return this;
  }

  forget(): void {
    this.asked.length = 0;
    this.answers.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const route = `${request.method} ${pathname}`;
    const asked: Asked = {
      route,
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: Buffer.alloc(0),
      bytes: 0,
    };
    this.asked.push(asked);
    const left = this.answers.get(route) ?? [NOT_FOUND];
    const next = (left.length > 1 ? left.shift() : left[0])!;
    if (typeof next !== 'function' && next.breaks) {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof next === 'function' || !next.isEarly) await read(request, asked);
    const { status = 200, json, text, headers } = typeof next === 'function' ? await next(asked) : next;
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(text ?? JSON.stringify(json));
  }
}

const NOT_FOUND: StubAnswer = { status: 404, json: { code: 'ROUTE_NOT_FOUND', detail: 'There is no such route.' } };

/** Ends quietly where the sender leaves. */
async function read(request: IncomingMessage, asked: Asked): Promise<void> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      if (asked.bytes < KEPT_BYTES) pieces.push(piece);
      asked.bytes += piece.length;
    }
  } catch {
    // What came is kept.
  }
  asked.body = Buffer.concat(pieces);
}
