/**
 * Requests at Poisson arrivals, whether or not the earlier ones are answered.
 *
 * Invariant: latency counts from the moment a request should have been sent, so that neither a slow server nor a late
 * generator hides waiting. Timers fire each millisecond, which adds up to one.
 */
import { pause, type Random } from '../../random.js';
import type { Connection } from './connection.js';
import type { Recorder } from './recorder.js';

const TICK_MS = 1;

export interface OpenLoopOptions {
  perSecond: number;
  random: Random;
  connect: () => Connection;
  recorder: Recorder;
}

export class OpenLoop {
  private readonly idle: Connection[] = [];
  private readonly all: Connection[] = [];
  private timer: NodeJS.Timeout | undefined;
  private due = 0;
  underWay = 0;

  constructor(private readonly options: OpenLoopOptions) {}

  start(): void {
    this.due = performance.now() + this.gap();
    this.timer = setInterval(() => this.sendDue(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  close(): void {
    for (const connection of this.all) connection.close();
  }

  private sendDue(): void {
    const now = performance.now();
    while (this.due <= now) {
      this.sendOne(this.due);
      this.due += this.gap();
    }
  }

  private sendOne(due: number): void {
    const { recorder } = this.options;
    const connection = this.idle.pop() ?? this.connect();
    this.underWay++;
    connection.send((verdict) => {
      this.underWay--;
      this.idle.push(connection);
      if (verdict === 'good') recorder.good(performance.now() - due);
      else recorder.bad(verdict.reason);
    });
  }

  private connect(): Connection {
    const connection = this.options.connect();
    this.all.push(connection);
    return connection;
  }

  private gap(): number {
    return pause(this.options.random, 1_000 / this.options.perSecond);
  }
}
