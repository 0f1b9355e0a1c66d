/** The `control` stream, from gateways and the registry to all workers. Advice, never relied on. */
import { CONTROL_STREAM_LENGTH, controlMessage, type ControlMessage } from '../../contract/control.js';
import type { Redis } from '../connection.js';

const BLOCK_MS = 5_000;
const RETRY_MS = 500;
const MAX_IDS = 1_024;

/** Collects a tick's departures into one entry. */
export class DepartureWriter {
  private ids: string[] = [];

  constructor(
    private readonly redis: Redis,
    private readonly key: string,
  ) {}

  tell(id: string): void {
    if (this.ids.length === 0) setImmediate(() => this.flush());
    if (this.ids.length < MAX_IDS) this.ids.push(id);
  }

  private flush(): void {
    const message = JSON.stringify({ v: 1, ids: this.ids });
    this.ids = [];
    this.redis.xadd(this.key, 'MAXLEN', '~', CONTROL_STREAM_LENGTH, '*', 'm', message).catch(() => undefined);
  }
}

export class ControlReader {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;

  /** @param redis a connection of its own, for it blocks. */
  constructor(
    private readonly redis: Redis,
    private readonly key: string,
    private readonly told: (message: ControlMessage) => void,
  ) {}

  start(): void {
    this.loop = this.read();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.redis.disconnect();
    await this.loop;
  }

  private stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async read(): Promise<void> {
    let cursor = '$';
    while (!this.stopped()) {
      try {
        const answer = await this.redis.xread('BLOCK', BLOCK_MS, 'STREAMS', this.key, cursor);
        for (const [, entries] of answer ?? []) {
          for (const [id, fields] of entries) {
            cursor = id;
            this.hand(fields[1] ?? '');
          }
        }
      } catch {
        if (!this.stopped()) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private hand(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const parsed = controlMessage.safeParse(message);
    if (parsed.success) this.told(parsed.data);
  }
}
