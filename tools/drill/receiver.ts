/**
 * The receiver of the drill's webhooks: verifies each with the library that receivers in the world use, and fails a
 * share of them, singly and in bursts.
 *
 * Invariant: no delivery is failed so often that its schedule could run out: that would be the receiver's doing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Book } from './book.js';
import { between, type Random } from '../random.js';

const MOST_FAILURES = 5;
const BURST = { everyMs: [3_000, 8_000], lastsMs: [300, 1_500] } as const;

export interface ReceiverOptions {
  secret: string;
  book: Book;
  random: Random;
  /** Share of deliveries that are failed. */
  failures: number;
}

export class Receiver {
  received = 0;
  failed = 0;
  bursts = 0;
  private readonly webhook: Webhook;
  private readonly failedSoFar = new Map<string, number>();
  private burstFrom = 0;
  private burstTo = 0;
  private readonly server: Server;

  private constructor(private readonly options: ReceiverOptions) {
    this.webhook = new Webhook(options.secret);
    this.server = createServer((request, response) => {
      this.receive(request, response).catch(() => response.destroy());
    });
    this.planBurst();
  }

  static async start(options: ReceiverOptions): Promise<Receiver> {
    const receiver = new Receiver(options);
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  /** One of several endpoints: at most two deliveries to each are under way at once. */
  url(endpoint: number): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook/${endpoint}`;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    // A gateway that is killed meanwhile leaves half a body: no delivery at all.
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const webhookId = String(request.headers['webhook-id']);
    this.received++;
    const { book } = this.options;
    let told: { data: { id?: unknown; status: string } };
    try {
      told = this.webhook.verify(body, request.headers as Record<string, string>) as typeof told;
    } catch (error) {
      book.violation(`webhook ${webhookId} is not valid: ${error instanceof Error ? error.message : 'unreadable'}`);
      response.writeHead(401).end();
      return;
    }
    const { id, status } = told.data;
    if (typeof id !== 'string') book.violation(`webhook ${webhookId} does not say of which prediction it tells`);
    const success = !this.mustFail(webhookId);
    book.delivery(String(id), { webhookId, status, success });
    if (success) response.writeHead(204).end();
    else this.fail(response);
  }

  private mustFail(webhookId: string): boolean {
    const { random, failures } = this.options;
    const soFar = this.failedSoFar.get(webhookId) ?? 0;
    if (soFar >= MOST_FAILURES) return false;
    const now = Date.now();
    if (now > this.burstTo) this.planBurst();
    // What the bursts did not fail, or did too much, is evened out one by one.
    const single = this.failed < failures * this.received ? failures * 1.5 : failures / 2;
    const fails = now > this.burstFrom || random() < single;
    if (fails && failures > 0) {
      this.failed++;
      this.failedSoFar.set(webhookId, soFar + 1);
      return true;
    }
    return false;
  }

  private planBurst(): void {
    const { random } = this.options;
    this.burstFrom = Date.now() + between(random, ...BURST.everyMs);
    this.burstTo = this.burstFrom + between(random, ...BURST.lastsMs);
    this.bursts++;
  }

  private fail(response: ServerResponse): void {
    const way = this.options.random();
    if (way < 0.25) response.destroy();
    else response.writeHead(way < 0.6 ? 500 : 503).end();
  }
}
