/** A receiver of webhooks on loopback, by http or https, that answers as it is told and keeps what came. */
import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface Received {
  at: number;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The address that was dialled. */
  to: string;
}

export type Reply =
  | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number }
  | ((received: Received, response: ServerResponse) => void);

export class Receiver {
  readonly requests: Received[] = [];
  /** TCP connections that were ever made. */
  connections = 0;
  inFlight = 0;
  /** The most requests that were open at the same time. */
  mostInFlight = 0;
  private reply: Reply = { status: 200 };
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly protocol: 'http' | 'https',
    readonly certificate?: string,
  ) {}

  static async start(): Promise<Receiver> {
    return Receiver.listen((listener) => createServer(listener), 'http');
  }

  /** With a certificate that it signed itself, for 127.0.0.1. */
  static async startTls(): Promise<Receiver> {
    const key = readFileSync('test/fixtures/tls/key.pem');
    const cert = readFileSync('test/fixtures/tls/cert.pem', 'utf8');
    return Receiver.listen((listener) => createTlsServer({ key, cert }, listener), 'https', cert);
  }

  private static async listen(
    create: (listener: RequestListener) => Server,
    protocol: 'http' | 'https',
    certificate?: string,
  ): Promise<Receiver> {
    const server = create((request, response) => void receiver.receive(request, response));
    const receiver: Receiver = new Receiver(server, protocol, certificate);
    server.on('connection', (socket: Socket) => {
      receiver.connections++;
      receiver.sockets.add(socket);
      socket.on('close', () => receiver.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.protocol}://127.0.0.1:${this.port}/hook`;
  }

  answer(reply: Reply): void {
    this.reply = reply;
  }

  forget(): void {
    this.requests.length = 0;
    this.connections = 0;
    this.mostInFlight = this.inFlight;
    this.reply = { status: 200 };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    response.once('close', () => this.inFlight--);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const received: Received = {
      at: Date.now(),
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      to: request.socket.localAddress ?? '',
    };
    this.requests.push(received);
    const { reply } = this;
    if (typeof reply === 'function') {
      reply(received, response);
      return;
    }
    if (reply.afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.afterMs));
    response.writeHead(reply.status, reply.headers).end(reply.body);
  }
}
