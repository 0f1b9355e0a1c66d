/**
 * One keep-alive connection with at most one request under way, on a bare socket: node's own HTTP client would cost
 * more CPU than some of the servers measured.
 *
 * Invariant: every `send` is settled exactly once, with a verdict; a connection that broke is opened anew by the next.
 */
import { connect, type Socket } from 'node:net';
import { AnswerParser, type ExpectedAnswer, type Verdict } from './answer-parser.js';

const READ_BYTES = 16 * 1024;

export class Connection {
  private readonly parser: AnswerParser;
  private readonly buffer = Buffer.allocUnsafe(READ_BYTES);
  private socket: Socket | undefined;
  private settle: ((verdict: Verdict) => void) | undefined;

  constructor(
    private readonly port: number,
    private readonly request: Buffer,
    expected: ExpectedAnswer,
  ) {
    this.parser = new AnswerParser(expected);
  }

  send(settle: (verdict: Verdict) => void): void {
    this.settle = settle;
    this.socket ??= this.open();
    this.socket.write(this.request);
  }

  close(): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.destroy();
    this.finish({ reason: 'no answer by the end', reusable: false });
  }

  private open(): Socket {
    const socket = connect({
      host: '127.0.0.1',
      port: this.port,
      noDelay: true,
      onread: {
        buffer: this.buffer,
        callback: (length, buffer) => {
          const verdict = this.parser.take((buffer as Buffer).subarray(0, length));
          if (verdict !== undefined) this.answered(socket, verdict);
          return true;
        },
      },
    });
    socket.on('error', (error) => this.lost(socket, error.message));
    socket.on('close', () => this.lost(socket, 'connection closed'));
    return socket;
  }

  private answered(socket: Socket, verdict: Verdict): void {
    if (verdict !== 'good' && !verdict.reusable) {
      if (this.socket === socket) this.socket = undefined;
      socket.destroy();
    }
    this.finish(verdict);
  }

  private lost(socket: Socket, reason: string): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    this.parser.reset();
    this.finish({ reason, reusable: false });
  }

  private finish(verdict: Verdict): void {
    const { settle } = this;
    this.settle = undefined;
    settle?.(verdict);
  }
}
