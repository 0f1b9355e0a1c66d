/** So many callers, each sending its next request as soon as it has the answer to the last. */
import type { Connection } from './connection.js';
import type { Recorder } from './recorder.js';

/** After a failure a caller holds on, so that a dead server does not turn the generator into a spinning loop. */
const AFTER_FAILURE_MS = 50;

export class ClosedLoop {
  private readonly waiting = new Set<Connection>();
  private stopping = false;

  constructor(
    private readonly connections: readonly Connection[],
    private readonly recorder: Recorder,
  ) {}

  get underWay(): number {
    return this.waiting.size;
  }

  start(): void {
    for (const connection of this.connections) this.cycle(connection);
  }

  stop(): void {
    this.stopping = true;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  private cycle(connection: Connection): void {
    if (this.stopping) return;
    const sent = performance.now();
    this.waiting.add(connection);
    connection.send((verdict) => {
      this.waiting.delete(connection);
      if (verdict === 'good') {
        this.recorder.good(performance.now() - sent);
        this.cycle(connection);
        return;
      }
      this.recorder.bad(verdict.reason);
      setTimeout(() => this.cycle(connection), AFTER_FAILURE_MS);
    });
  }
}
