/** The end of a drill: waits, in bounds, until nothing is open, then compares the service with the book. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  failFastConnection,
  isTerminal,
  keysUnder,
  Ledger,
  parseLog,
  RedisClock,
  type PredictionRecord,
  type Redis,
} from '#inference';
import { isClosed, readAccounts, type Accounts } from './accounts.js';
import type { Acknowledged, Book } from './book.js';

const PREFIX = '{sluice}';
const QUEUES = ['durable.digits@1', 'bulk.digits@1', 'webhooks'];
const LOOK_MS = 250;
const AT_ONCE = 16;
const TRIES = 20;

export interface AuditOptions {
  book: Book;
  redisUrl: string;
  urls: readonly string[];
  webhooks: boolean;
  limitMs: number;
  log: (line: string) => void;
}

export interface Audit {
  /** Predictions by the status in which they ended. */
  statuses: Map<string, number>;
  /** Codes of those that did not succeed. */
  codes: Map<string, number>;
  settledMs: number;
}

export async function audit(options: AuditOptions): Promise<Audit> {
  const { redisUrl: url } = options;
  const redis = failFastConnection({ url, connectionName: 'sluice-gateway', timeoutMs: 10_000 });
  redis.on('error', () => undefined);
  try {
    await new Promise((resolve) => redis.once('ready', resolve));
    return await new Auditor(options, redis).run();
  } finally {
    redis.disconnect();
  }
}

class Auditor {
  private readonly statuses = new Map<string, number>();
  private readonly codes = new Map<string, number>();
  private readonly ledger: Ledger;

  constructor(
    private readonly options: AuditOptions,
    private readonly redis: Redis,
  ) {
    this.ledger = new Ledger(redis, keysUnder(PREFIX), new RedisClock(redis));
  }

  async run(): Promise<Audit> {
    const { book } = this.options;
    const settledMs = await this.settle();
    const entries = [...book.acknowledged.values()];
    await inParallel(entries, (entry) => this.prediction(entry));
    if (this.options.webhooks) entries.forEach((entry) => this.webhook(entry));
    this.strangers();
    return { statuses: this.statuses, codes: this.codes, settledMs };
  }

  /** Until every acknowledged prediction has told its end and Redis holds nothing open. */
  private async settle(): Promise<number> {
    const { book, webhooks, limitMs, log } = this.options;
    const began = performance.now();
    let accounts = await this.accounts();
    const isOpen = (): boolean => !isClosed(accounts) || (webhooks && book.untold().length > 0);
    while (performance.now() - began < limitMs && isOpen()) {
      await sleep(LOOK_MS);
      accounts = await this.accounts();
    }
    for (const [what, count] of Object.entries(accounts.open)) {
      if (count !== 0) book.violation(`the accounts do not close: ${what} ${count}`);
    }
    const { predictions } = accounts;
    const made = book.acknowledged.size;
    log(`settled: ${predictions} predictions in Redis, ${made} acknowledged, ${made - book.untold().length} told`);
    if (predictions < made || predictions > made + book.givenUp.length) {
      book.violation(`there are ${predictions} predictions in Redis and ${made} were acknowledged`);
    }
    return performance.now() - began;
  }

  private accounts(): Promise<Accounts> {
    return readAccounts(this.redis, PREFIX, QUEUES);
  }

  private async prediction({ id, key, expected }: Acknowledged): Promise<void> {
    const { book } = this.options;
    const record = await this.ledger.read(id);
    if (!record) {
      book.violation(`${id} (${key}) was acknowledged and is gone`);
      return;
    }
    count(this.statuses, record.status);
    if (record.code !== undefined) count(this.codes, record.code);
    const wrong = brokenGeneration(record);
    if (wrong !== undefined) book.violation(`${id} has ${wrong}: ${record.log.replaceAll('\n', '; ')}`);
    await this.answer(id, { record, expected });
  }

  /** What a client is told of it. */
  private async answer(
    id: string,
    { record, expected }: { record: PredictionRecord; expected: number },
  ): Promise<void> {
    const { book } = this.options;
    const told = await this.get(id);
    if (told?.state !== record.status) {
      book.violation(`${id} is ${record.status}, and GET says ${told?.state}`);
    } else if (record.status === 'succeeded' && told.output?.prediction !== expected) {
      book.violation(`${id} is a ${expected}, and was answered ${JSON.stringify(told.output ?? null).slice(0, 80)}`);
    }
  }

  private async get(id: string): Promise<{ state?: string; output?: { prediction?: number } } | undefined> {
    const { urls } = this.options;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        const answer = await fetch(`${urls[attempt % urls.length]}/v1/predictions/${id}`);
        if (answer.status < 500) return (await answer.json()) as Awaited<ReturnType<Auditor['get']>>;
      } catch {
        // Asked again below.
      }
      await sleep(LOOK_MS);
    }
    return undefined;
  }

  private webhook({ id }: Acknowledged): void {
    const { book } = this.options;
    const delivered = book.delivered.get(id);
    if (!delivered?.successes) book.violation(`${id} never told its end`);
    if (delivered && delivered.webhookIds.size > 1) {
      book.violation(`${id} was told under several ids: ${[...delivered.webhookIds].join(', ')}`);
    }
  }

  /** Webhooks of predictions that nobody was ever given. Those given up may have been made all the same. */
  private strangers(): void {
    const { book } = this.options;
    const unknown = [...book.delivered.keys()].filter((id) => !book.acknowledged.has(id));
    if (unknown.length > book.givenUp.length) book.violation(`webhooks of unknown ids: ${unknown.join(', ')}`);
  }
}

/** Each generation ends once, and nothing follows its end but the next generation. */
function brokenGeneration({ log }: PredictionRecord): string | undefined {
  const ends = new Map<number, number>();
  let last: { generation: number; ended: boolean } | undefined;
  for (const { status, generation } of parseLog(log)) {
    if (last?.ended && last.generation === generation) return `something after the end of generation ${generation}`;
    last = { generation, ended: isTerminal(status) };
    if (last.ended) ends.set(generation, (ends.get(generation) ?? 0) + 1);
  }
  const wrong = [...ends].find(([, times]) => times !== 1);
  if (wrong) return `${wrong[1]} ends in generation ${wrong[0]}`;
  return last?.ended ? undefined : 'no end';
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
