/**
 * A client that does it right: each prediction has a key of its own, and is submitted with the same key again until it
 * is acknowledged, to either gateway, whatever became of the answers before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Book } from './book.js';
import type { DrillInput } from './inputs.js';
import { between, oneOf, type Random } from '../random.js';

/** Answers that are let go of on purpose, and acknowledged keys that are sent once more. */
const LOSE_SHARE = 0.02;
const REPEAT_SHARE = 0.03;
const LOSE_WITHIN_MS = 30;
const ANSWER_MS = 10_000;
const AGAIN_MS = [50, 250] as const;
const MAX_RETRY_AFTER_MS = 1_000;

export interface SubmitterOptions {
  urls: readonly string[];
  inputs: readonly DrillInput[];
  book: Book;
  random: Random;
  /** Of the n-th prediction. */
  webhook: (n: number) => string | undefined;
  predictions: number;
  rate: number;
  concurrency: number;
  limitMs: number;
}

interface Order {
  n: number;
  key: string;
  input: DrillInput;
}

type Outcome = { kind: 'id'; id: string } | { kind: 'again'; afterMs: number } | { kind: 'refused'; why: string };

export class Submitter {
  private next = 0;
  private began = 0;

  constructor(private readonly options: SubmitterOptions) {}

  /** Settles when each is acknowledged or given up. */
  async run(): Promise<void> {
    this.began = performance.now();
    await Promise.all(Array.from({ length: this.options.concurrency }, () => this.lane()));
  }

  private async lane(): Promise<void> {
    const { predictions, rate, inputs, random } = this.options;
    for (;;) {
      const n = this.next++;
      if (n >= predictions) return;
      const early = (n / rate) * 1_000 - (performance.now() - this.began);
      if (early > 0) await sleep(early);
      const order = { n, key: `drill-${n}`, input: oneOf(random, inputs) };
      await this.place(order);
      if (random() < REPEAT_SHARE) await this.repeat(order);
    }
  }

  private async place(order: Order): Promise<void> {
    const { book, limitMs } = this.options;
    for (let attempt = 0; performance.now() - this.began < limitMs; attempt++) {
      if (attempt > 0) book.retries++;
      const outcome = await this.send(order, attempt);
      if (outcome.kind === 'id') {
        book.acknowledge({ key: order.key, id: outcome.id, expected: order.input.expected, at: Date.now() });
        return;
      }
      if (outcome.kind === 'refused') {
        book.violation(`${order.key} was refused: ${outcome.why}`);
        return;
      }
      await sleep(outcome.afterMs);
    }
    book.givenUp.push(order.key);
  }

  /** What was acknowledged is so for good: the same key gives the same prediction. */
  private async repeat(order: Order): Promise<void> {
    const { book } = this.options;
    const outcome = await this.send(order, order.n + 1);
    if (outcome.kind !== 'id') return;
    book.repeatedKeys++;
    book.acknowledge({ key: order.key, id: outcome.id, expected: order.input.expected, at: Date.now() });
  }

  private async send(order: Order, attempt: number): Promise<Outcome> {
    const { urls, book, random } = this.options;
    const url = urls[(order.n + attempt) % urls.length]!;
    const isLost = random() < LOSE_SHARE;
    if (isLost) book.lostAnswers++;
    const signal = AbortSignal.timeout(isLost ? Math.ceil(between(random, 0, LOSE_WITHIN_MS)) : ANSWER_MS);
    const again = (afterMs = between(random, ...AGAIN_MS)): Outcome => ({ kind: 'again', afterMs });
    try {
      const answer = await fetch(this.route(url, order), { method: 'POST', signal, ...this.content(order) });
      const text = await answer.text();
      // Wherever it says where the prediction is, it has one, also where it tells that this one has failed.
      const id = /\/v1\/predictions\/([^/]+)$/.exec(answer.headers.get('location') ?? '')?.[1];
      if (id !== undefined) return { kind: 'id', id };
      book.refused(`${answer.status} ${codeOf(text)}`);
      if (answer.status < 500 && answer.status !== 429) return { kind: 'refused', why: text.slice(0, 300) };
      const retryAfter = Number(answer.headers.get('retry-after') ?? 0) * 1_000;
      return again(Math.min(retryAfter, MAX_RETRY_AFTER_MS) + between(random, ...AGAIN_MS));
    } catch {
      book.refused(isLost ? 'answer let go of' : 'connection broken');
      return again();
    }
  }

  private route(url: string, { input }: Order): string {
    return input.kind === 'json' ? `${url}/v1/predictions` : `${url}/predict/digits`;
  }

  private content({ n, key, input }: Order): { headers: Record<string, string>; body: Buffer | string } {
    const webhook = this.options.webhook(n);
    if (input.kind === 'picture') {
      const headers = { 'content-type': 'image/png', prefer: 'respond-async', 'idempotency-key': key };
      return { headers: webhook === undefined ? headers : { ...headers, 'webhook-url': webhook }, body: input.body };
    }
    return {
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'digits', input: input.row, webhook }),
    };
  }
}

function codeOf(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? '';
}
