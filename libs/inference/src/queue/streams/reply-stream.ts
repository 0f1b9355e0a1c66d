/**
 * Reads one gateway's reply stream from its cursor on, so that a dropped connection or a pause loses nothing.
 *
 * Invariants: the cursor only moves past entries that were handed on; after each reconnect, and each second while
 * nothing comes, it is compared with the stream's last id and reset when the stream is gone or behind it (after a
 * failover to a lagging clock XREAD would stay silent for ever); what lies behind the cursor is trimmed each second.
 */
import { notice, type Notice } from '../../contract/prediction-record.js';
import { REPLY_TTL_SECONDS, replyHeader, type ReplyHeader } from '../../contract/reply.js';
import type { Redis } from '../connection.js';

export const REPLY_BLOCK_MS = 1_000;
const ENTRIES_PER_READ = 64;
const START = '0-0';

export interface ReplyStreamOptions {
  key: string;
  /** A connection of its own, for it blocks. */
  reader: Redis;
  /** For trimming and expiry. */
  writer: Redis;
  received(header: ReplyHeader, bytes: Buffer): void;
  /** A durable prediction that this gateway watches has changed. */
  noticed(notice: Notice): void;
  failed(error: unknown): void;
}

export class ReplyStream {
  private cursor = START;
  private trimmed = START;
  private lookedAt = 0;
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(private readonly options: ReplyStreamOptions) {}

  start(): void {
    this.options.reader.on('ready', () => (this.lookedAt = 0));
    this.loop = this.read();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    // The blocked read ends only with its connection.
    this.options.reader.disconnect();
    await this.loop;
  }

  private stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async read(): Promise<void> {
    while (!this.stopped()) {
      try {
        await this.look();
        const answer = await this.options.reader.xreadBuffer(
          'COUNT',
          ENTRIES_PER_READ,
          'BLOCK',
          REPLY_BLOCK_MS,
          'STREAMS',
          this.options.key,
          this.cursor,
        );
        for (const [, entries] of answer ?? []) {
          for (const [id, fields] of entries) {
            this.cursor = id.toString();
            this.hand(fields);
          }
        }
      } catch (error) {
        if (this.stopped()) return;
        this.options.failed(error);
        await renewed(this.options.reader);
      }
    }
  }

  private hand(fields: Buffer[]): void {
    if (fields[0]?.toString() === 'n') return this.handNotice(fields);
    const header = replyHeader.safeParse(parseJson(fields[1]));
    if (header.success) this.options.received(header.data, fields[3] ?? Buffer.alloc(0));
    else this.options.failed(new Error('a reply that this build cannot read'));
  }

  private handNotice(fields: Buffer[]): void {
    const told = notice.safeParse(parseJson(fields[1]));
    if (told.success) this.options.noticed(told.data);
    else this.options.failed(new Error('a notice that this build cannot read'));
  }

  /** Once a second: is the cursor still in front of the stream's end, and what lies behind it can go. */
  private async look(): Promise<void> {
    const now = Date.now();
    if (now - this.lookedAt < REPLY_BLOCK_MS) return;
    const first = this.lookedAt === 0;
    this.lookedAt = now;
    const last = await lastId(this.options.reader, this.options.key);
    if (isBefore(last, this.cursor)) {
      this.cursor = START;
      this.trimmed = START;
    }
    if (first || last !== START) this.keepAlive();
  }

  private keepAlive(): void {
    const { writer, key } = this.options;
    if (this.cursor !== this.trimmed) {
      this.trimmed = this.cursor;
      // The cursor itself stays: it is the witness of the last id.
      writer.xtrim(key, 'MINID', this.cursor).catch(() => undefined);
    }
    writer.expire(key, REPLY_TTL_SECONDS).catch(() => undefined);
  }
}

async function lastId(redis: Redis, key: string): Promise<string> {
  try {
    const info = (await redis.xinfo('STREAM', key)) as unknown[];
    return String(info[info.indexOf('last-generated-id') + 1]);
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such key')) return START;
    throw error;
  }
}

function isBefore(a: string, b: string): boolean {
  const [aTime = 0, aCount = 0] = a.split('-').map(Number);
  const [bTime = 0, bCount = 0] = b.split('-').map(Number);
  return aTime < bTime || (aTime === bTime && aCount < bCount);
}

/** A command that timed out leaves a connection that may never answer again. Resolves when there is a new one, or none to come. */
function renewed(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      redis.off('ready', done);
      redis.off('end', done);
      resolve();
    };
    redis.on('ready', done);
    redis.on('end', done);
    // Once: while a Redis that stands still does not close its end, the connection goes on counting as ready.
    if (redis.status === 'ready') redis.disconnect(true);
  });
}

function parseJson(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString() ?? '');
  } catch {
    return undefined;
  }
}
