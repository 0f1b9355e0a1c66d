/**
 * A receiver of webhooks on this machine: takes a POST, checks its signature, says which it was.
 *
 * Invariants: it listens on loopback alone; a body is read to its limit and no further; what is not signed with the
 * secret is answered 401 and its body never handed on.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify, type SignatureVerdict } from '#inference';

/** Far above what is sent; a body is kept in memory. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_REMEMBERED = 10_000;
/** As it may stand in a terminal: what an unknown sender puts there might be anything. */
const FIT_ID = /^[\w.-]{1,128}$/;

export interface Delivery {
  id: string;
  /** The same `webhook-id` has been here before. */
  again: boolean;
  body: Buffer;
}

export interface Refusal {
  /** '' where there is none that can be shown. */
  id: string;
  verdict: Exclude<SignatureVerdict, 'valid'>;
}

export interface ReceiverOptions {
  port: number;
  secret: string;
  onDelivery: (delivery: Delivery) => void;
  onRefusal: (refusal: Refusal) => void;
}

export class WebhookReceiver {
  private readonly seen = new Set<string>();
  private readonly server: Server;

  private constructor(private readonly options: ReceiverOptions) {
    this.server = createServer((request, response) => {
      this.receive(request, response).catch(() => response.destroy());
    });
  }

  /** @throws Error when the port is taken, or the secret is none. */
  static async listen(options: ReceiverOptions): Promise<WebhookReceiver> {
    verify({ headers: {}, body: '', secrets: [options.secret] });
    const receiver = new WebhookReceiver(options);
    const { port } = options;
    await new Promise<void>((resolve, reject) => {
      receiver.server.once('error', (error: NodeJS.ErrnoException) => {
        const isTaken = error.code === 'EADDRINUSE';
        reject(
          isTaken ? new Error(`Port ${port} is taken; choose another with --port (0 takes any free one).`) : error,
        );
      });
      receiver.server.listen(port, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === 'POST' ? await bodyOf(request) : undefined;
    if (!body) {
      answer(response, request.method === 'POST' ? 413 : 405);
      return;
    }
    const { secret, onDelivery, onRefusal } = this.options;
    const verdict = verify({ headers: request.headers, body, secrets: [secret] });
    const given = request.headers['webhook-id'];
    const id = typeof given === 'string' && FIT_ID.test(given) ? given : '';
    if (verdict !== 'valid') {
      answer(response, 401);
      onRefusal({ id, verdict });
    } else {
      answer(response, 204);
      onDelivery({ id, again: this.isKnown(id), body });
    }
  }

  private isKnown(id: string): boolean {
    if (this.seen.has(id)) return true;
    if (this.seen.size === MAX_REMEMBERED) this.seen.clear();
    this.seen.add(id);
    return false;
  }
}

/** Undefined when it is longer than is read; one that says so itself is not read at all. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  // Kept when left early: a request destroyed takes its answer along.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One connection a delivery: what is left of a body too long is not read. */
function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', ...(status === 405 && { allow: 'POST' }) }).end();
}
