/**
 * Puts the predictions of one model version into packs, clocked by the workers themselves: a pack goes at once while
 * there are credits (two for each run slot that the work is worth, one for tiny work, docs/decisions/0008) and gathering
 * gains nothing (gathering.ts); else they collect until a credit is back, a pack is full, or one has waited half of the
 * time it has.
 *
 * Invariant: a credit is held until every item of its pack that somebody waits for is settled, which the items' own
 * deadlines guarantee; a lost pack cannot leak one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  MAX_PACK_BYTES,
  MAX_PACK_ITEMS,
  newId,
  SluiceError,
  type InHand,
  type Pack,
  type PackQueue,
  type Redis,
} from '#inference';
import type { GatewayContext } from '../context.js';
import { Gathering } from './gathering.js';
import type { PendingPrediction } from './pending-prediction.js';

/** How long predictions are held together where that is cheaper, before every credit there is may be used. */
const PATIENCE_MS = 20;
/** Frames start at multiples of this inside a payload, so that they are read in place. */
const ALIGNMENT = 8;
/** Between two tries on a connection that is up: time for what was wrong with it to show. */
const SETTLE_MS = 20;

export interface PackSenderOptions {
  context: GatewayContext;
  queue: PackQueue;
  labels: { model: string; version: string };
  /** Packs that may be out with so much in hand. */
  credits: (inHand: InHand) => number;
  /** Packs that may be out at most. */
  allCredits: () => number;
}

export class PackSender {
  private waiting: PendingPrediction[] = [];
  private outstanding = 0;
  private inPacks = 0;
  private scheduled = false;
  private impatient: NodeJS.Timeout | undefined;
  private patience: NodeJS.Timeout | undefined;
  private impatientAt = Infinity;
  private readonly gathering = new Gathering();
  private gathered: NodeJS.Timeout | undefined;

  constructor(private readonly options: PackSenderOptions) {}

  /** Predictions that wait for a credit. */
  get backlog(): number {
    return this.waiting.length;
  }

  /** Nothing waits, and nothing is out. */
  get idle(): boolean {
    return this.waiting.length === 0 && this.outstanding === 0;
  }

  get labels(): { model: string; version: string } {
    return this.options.labels;
  }

  /** Packs in Redis that no worker has taken. */
  readonly queued = (): Promise<number> => this.options.queue.backlog();

  send(prediction: PendingPrediction): void {
    this.waiting.push(prediction);
    this.hurry(prediction);
    this.schedule();
  }

  /** Its caller has gone before it was sent. */
  withdraw(prediction: PendingPrediction): void {
    const at = this.waiting.indexOf(prediction);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  /** Credits may have changed. */
  schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return;
    this.scheduled = true;
    // What arrives in the same tick shares a pack; waiting to the end of the tick costs nothing.
    setImmediate(() => {
      this.scheduled = false;
      this.pump(false);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.impatient);
    clearTimeout(this.patience);
    clearTimeout(this.gathered);
    await this.options.queue.close();
  }

  private pump(force: boolean): void {
    while (this.waiting.length > 0) {
      const credits = this.credits();
      const count = this.fit();
      const full = count < this.waiting.length || count === MAX_PACK_ITEMS;
      if (this.outstanding >= credits && !full && !force) return this.lookAgain();
      if (credits === 1 && !full && !force && this.gathers()) return;
      // What has run out of time while it waited is answered already.
      const items = this.waiting.splice(0, count).filter((item) => !item.settled);
      if (items.length > 0) this.dispatch(items);
    }
    clearTimeout(this.impatient);
    this.impatient = undefined;
    this.impatientAt = Infinity;
  }

  /** A pack that is late, or lost with its worker, holds its credit: it must not hold up those that wait, too. */
  private credits(): number {
    const { credits, allCredits } = this.options;
    const patient = performance.now() - this.waiting[0]!.since < PATIENCE_MS;
    return patient ? credits({ waiting: this.waiting.length, out: this.inPacks }) : allCredits();
  }

  /** Whether a small pack of a tiny model waits for company. */
  private gathers(): boolean {
    const leftMs = this.gathering.leftMs(this.waiting.at(-1)!.since, performance.now());
    if (leftMs <= 0) return false;
    this.gathered ??= setTimeout(() => {
      this.gathered = undefined;
      this.pump(false);
    }, leftMs);
    return true;
  }

  private lookAgain(): void {
    if (this.outstanding >= this.options.allCredits()) return;
    this.patience ??= setTimeout(() => {
      this.patience = undefined;
      this.pump(false);
    }, PATIENCE_MS);
  }

  /** How many of the waiting go into one pack. */
  private fit(): number {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.waiting) {
      bytes += length + ALIGNMENT;
      if (count > 0 && (bytes > MAX_PACK_BYTES || count === MAX_PACK_ITEMS)) break;
      count++;
    }
    return count;
  }

  private dispatch(items: PendingPrediction[]): void {
    const { context, labels } = this.options;
    context.metrics.packSize.observe(labels, items.length);
    // A shadow waits for its turn behind all others: no credit hangs on it.
    const awaited = items.filter(({ item }) => !item.shadow);
    if (awaited.length > 0) this.outstanding++;
    this.inPacks += awaited.length;
    let left = awaited.length;
    let anyAnswered = false;
    const begun = performance.now();
    const settled = (item: PendingPrediction): void => {
      this.inPacks--;
      anyAnswered ||= item.answered;
      if (--left > 0) return;
      this.outstanding--;
      const now = performance.now();
      // One that was refused or failed is back sooner than any that ran.
      if (anyAnswered) this.gathering.back(now - begun, now);
      this.schedule();
    };
    for (const item of items) item.sent = true;
    for (const item of awaited) chain(item, () => settled(item));
    void this.deliver(items);
  }

  private async deliver(items: PendingPrediction[]): Promise<void> {
    const { context, queue } = this.options;
    const outgoing = { id: newId('k'), ...assembled(items, context.id), lifetimeMs: 0 };
    outgoing.lifetimeMs = Math.max(...items.map((item) => item.remainingMs));
    const giveUpAt = performance.now() + outgoing.lifetimeMs / 2;
    for (;;) {
      try {
        await queue.add(outgoing);
        return;
      } catch (error) {
        // The same id again: if Redis had it after all, BullMQ keeps one.
        if (!isFinal(error) && performance.now() < giveUpAt && (await this.connected())) continue;
        context.log.warn({ reason: String(error), predictions: items.length }, 'a pack could not be queued');
        const refused = queueUnavailable();
        for (const item of items) item.fail(refused);
        return;
      }
    }
  }

  /** Whether Redis is there, after waiting for it no longer than a command may take. */
  private async connected(): Promise<boolean> {
    const { redis, config } = this.options.context;
    if (redis.status === 'ready') await pause(SETTLE_MS);
    // It may have been cut again meanwhile: that is the beginning of a wait and no answer.
    return redis.status === 'ready' || isReadyWithin(redis, config.redisTimeoutMs);
  }

  private hurry(prediction: PendingPrediction): void {
    const at = performance.now() + prediction.remainingMs / 2;
    if (at >= this.impatientAt) return;
    this.impatientAt = at;
    clearTimeout(this.impatient);
    this.impatient = setTimeout(() => {
      this.impatientAt = Infinity;
      this.pump(true);
    }, prediction.remainingMs / 2);
  }
}

function isReadyWithin(redis: Redis, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isReady: boolean): void => {
      clearTimeout(timer);
      redis.off('ready', ready);
      resolve(isReady);
    };
    const ready = (): void => settle(true);
    const timer = setTimeout(() => settle(false), ms);
    redis.once('ready', ready);
  });
}

/** Redis has refused (full, read-only), or holds the connection and does not answer: another try would go the same way. */
function isFinal(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ReplyError' || error.message === 'Command timed out');
}

export function queueUnavailable(): SluiceError {
  return new SluiceError(
    'QUEUE_UNAVAILABLE',
    'The queue cannot be reached, so no answer can be promised. Try again shortly: a prediction changes nothing.',
    {
      retryAfterSeconds: 2,
    },
  );
}

function chain(item: PendingPrediction, then: () => void): void {
  const before = item.onSettled;
  item.onSettled = () => {
    before();
    then();
  };
}

function assembled(predictions: readonly PendingPrediction[], gateway: string): { pack: Pack; payload: Uint8Array[] } {
  const payload: Uint8Array[] = [];
  const items: Pack['items'] = [];
  let offset = 0;
  for (const { item, bytes, length } of predictions) {
    const padding = -offset & (ALIGNMENT - 1);
    if (padding > 0) payload.push(new Uint8Array(padding));
    offset += padding;
    items.push({ ...item, offset, length });
    payload.push(...bytes);
    offset += length;
  }
  return { pack: { v: 1, gateway, items }, payload };
}
