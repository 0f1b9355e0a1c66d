/**
 * A prediction from checked input to answer: which model, who runs it, what came back. Knows no HTTP.
 *
 * Invariant: every item handed to a pack sender is in `pending` until it is settled, so a reply finds its caller and
 * an unknown id is a reply that nobody waits for.
 */
import {
  DepartureWriter,
  isErrorCode,
  newId,
  PackQueue,
  ReplyStream,
  SluiceError,
  type Notice,
  type ReplyHeader,
  type ReplyResult,
} from '#inference';
import type { GatewayContext } from '../context.js';
import type { ServedModel } from '../models/catalog/fleet-snapshot.js';
import { acceptedFor, type ModelCatalog } from '../models/catalog/model-catalog.js';
import { PackSender, queueUnavailable } from './pack-sender.js';
import { PendingPrediction, type Reply } from './pending-prediction.js';
import type { InputItem } from './prediction-input.js';

export interface PredictionRequest {
  model: ServedModel;
  items: InputItem[];
  /** Milliseconds the caller gives. */
  timeoutMs: number;
  requestId: string;
  /** Fires when the caller leaves. */
  gone: { onGone(listener: () => void): void };
  /** Nobody waits for it: it runs in what others leave. */
  shadow?: boolean;
}

export class PredictionsService {
  private readonly pending = new Map<string, PendingPrediction>();
  private readonly senders = new Map<string, PackSender>();
  private readonly departures: DepartureWriter;
  private readonly replies: ReplyStream;
  private readonly noticeListeners: ((notice: Notice) => void)[] = [];

  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
  ) {
    this.departures = new DepartureWriter(context.redis, context.keys.control);
    this.replies = new ReplyStream({
      key: context.keys.reply(context.id),
      reader: context.reader,
      writer: context.redis,
      received: (header, bytes) => this.received(header, bytes),
      noticed: (notice) => this.noticeListeners.forEach((listener) => listener(notice)),
      failed: (error) => context.log.debug({ reason: String(error) }, 'reply stream'),
    });
    catalog.onChange(() => this.refresh());
  }

  /** Transitions of the durable predictions that this gateway watches, which come through the same stream. */
  onNotice(listener: (notice: Notice) => void): void {
    this.noticeListeners.push(listener);
  }

  start(): void {
    this.replies.start();
  }

  async stop(): Promise<void> {
    await this.replies.stop();
    await Promise.all([...this.senders.values()].map((sender) => sender.close()));
  }

  /** Resolves with one reply per item, in order. @throws SluiceError with the first item's failure. */
  async predict({ model, items, timeoutMs, requestId, gone, shadow = false }: PredictionRequest): Promise<Reply[]> {
    if (!this.catalog.fresh) throw queueUnavailable();
    this.catalog.confirm(acceptedFor(model.description));
    const accepted = this.context.clock.now();
    const predictions = items.map((item) => {
      const head = {
        id: newId('p'),
        request: requestId,
        rows: item.rows,
        deadline: accepted + timeoutMs,
        accepted,
        type: item.type,
        ...(shadow ? { shadow } : {}),
      };
      return new PendingPrediction(head, item.bytes, timeoutMs);
    });
    const sender = this.sender(model);
    for (const prediction of predictions) {
      const { id } = prediction.item;
      prediction.of = model.key;
      this.pending.set(id, prediction);
      prediction.onSettled = () => this.pending.delete(id);
      sender.send(prediction);
    }
    gone.onGone(() => predictions.forEach((prediction) => this.departed(sender, prediction)));
    return predictions.length === 1 ? [await predictions[0]!.reply] : Promise.all(predictions.map((p) => p.reply));
  }

  /** Whether predictions of a version wait here for a credit. */
  isBusy(key: string): boolean {
    return (this.senders.get(key)?.backlog ?? 0) > 0;
  }

  /** Sets the gauge of packs that no worker has taken; what Redis does not tell keeps its last value. */
  async measureBacklogs(): Promise<void> {
    const { queueBacklog } = this.context.metrics;
    await Promise.allSettled(
      [...this.senders.values()].map(async ({ labels, queued }) => queueBacklog.set(labels, await queued())),
    );
  }

  private departed(sender: PackSender, prediction: PendingPrediction): void {
    if (prediction.settled) return;
    if (prediction.sent) {
      this.departures.tell(prediction.item.id);
      prediction.abandon();
    } else {
      sender.withdraw(prediction);
      prediction.fail(new SluiceError('CALLER_GONE', 'The caller left.'));
    }
  }

  private received(header: ReplyHeader, bytes: Buffer): void {
    for (const result of header.results) {
      const prediction = this.pending.get(result.id);
      if (prediction) this.deliver(prediction, result, { header, bytes });
    }
  }

  private deliver(
    prediction: PendingPrediction,
    result: ReplyResult,
    from: { header: ReplyHeader; bytes: Buffer },
  ): void {
    if (result.status === 'failed') {
      const code = isErrorCode(result.code) ? result.code : 'INTERNAL';
      return prediction.fail(new SluiceError(code, result.message));
    }
    const { batch, worker } = from.header;
    if (!result.apart) {
      const bytes = from.bytes.subarray(result.offset, result.offset + result.length);
      return prediction.answer({ batch, worker, result, bytes });
    }
    this.fetch(result.id).then(
      (bytes) => prediction.answer({ batch, worker, result, bytes }),
      () => prediction.fail(queueUnavailable()),
    );
  }

  private async fetch(id: string): Promise<Buffer> {
    const key = this.context.keys.result(id);
    const bytes = await this.context.redis.getBuffer(key);
    if (!bytes) throw new Error('result gone');
    // It has a TTL; deleting it early only frees memory sooner.
    this.context.redis.unlink(key).catch(() => undefined);
    return bytes;
  }

  private sender(model: ServedModel): PackSender {
    const known = this.senders.get(model.key);
    if (known) return known;
    const { name, version } = model.description;
    const queue = new PackQueue(this.context.keys.packQueue(name, version), this.context.redis, this.context.keys);
    const sender = new PackSender({
      context: this.context,
      queue,
      labels: { model: name, version },
      credits: (inHand) => this.catalog.credits(model.key, inHand),
      allCredits: () => this.catalog.allCredits(model.key),
    });
    this.senders.set(model.key, sender);
    queue.warm();
    return sender;
  }

  /** The fleet has changed: credits may have, and the gauges show it. */
  private refresh(): void {
    const { backlog, alpha, beta } = this.context.metrics;
    for (const model of this.catalog.all()) {
      const labels = { model: model.name, version: model.version };
      // Made when the version is first ready, so that its first caller does not wait for a queue to open.
      const sender = model.slots > 0 ? this.sender(model) : this.senders.get(model.key);
      if (!sender) continue;
      sender.schedule();
      backlog.set(labels, sender.backlog);
      if (model.alpha !== undefined) alpha.set(labels, model.alpha);
      if (model.beta !== undefined) beta.set(labels, model.beta);
    }
    for (const key of this.catalog.view.removed) if (this.senders.has(key)) this.removed(key);
    for (const [key, sender] of this.senders) if (!this.catalog.find(key) && sender.idle) this.forget(key, sender);
  }

  /** Nobody takes from the queues of a removed version: whoever waits is told now, not at his deadline. */
  private removed(key: string): void {
    for (const prediction of this.pending.values()) {
      if (prediction.of !== key) continue;
      if (prediction.sent) this.departures.tell(prediction.item.id);
      prediction.fail(
        new SluiceError(
          'VERSION_REMOVED',
          'The version was removed before this prediction had ended. Send it to another version.',
        ),
      );
    }
  }

  /** Of a version that is gone for good. */
  private forget(key: string, sender: PackSender): void {
    this.senders.delete(key);
    const { backlog, queueBacklog, alpha, beta } = this.context.metrics;
    for (const gauge of [backlog, queueBacklog, alpha, beta]) gauge.remove(sender.labels);
    sender.close().catch(() => undefined);
  }
}
