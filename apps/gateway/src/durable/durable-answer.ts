/**
 * From a request that is to be kept to its answer: submitted, waited for as long as the caller wants, and told as the
 * object, or, on /predict, as /predict answers. 202 for what has not ended, with where to look and when.
 */
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { durableJobId, isErrorCode, isTerminal, modelKey, SluiceError, type PredictionRecord } from '#inference';
import { GatewayContext } from '../context.js';
import { ownerOf } from '../http/owner.js';
import { goneFrom } from '../http/predict-gate.js';
import { ModelCatalog } from '../models/catalog/model-catalog.js';
import { answerJson } from '../predictions/answer.js';
import type { Content } from '../predictions/request-content.js';
import { DurableService, redisAnswers, type Accepted, type ReadInput } from './durable.service.js';
import { Watchers } from './events/watchers.js';
import { isInputInline, outputItems, predictionJson, type QueuePlace } from './prediction-object.js';
import { cancelAfterOf, idempotencyKeyOf, preferencesOf, webhookOf, type BodyWebhook } from './preferences.js';

const MAX_RETRY_AFTER_S = 60;

export interface Submit {
  request: FastifyRequest;
  reply: FastifyReply;
  /** As the request names them. */
  model?: string | undefined;
  version?: string | undefined;
  content: Content;
  read(): ReadInput;
  /** What its body says of who is told. */
  webhook?: BodyWebhook;
  alias?: string | undefined;
  /** How long a caller who says nothing of it waits. */
  waitMs: number;
  /** The object, or what /predict answers. */
  layout: 'object' | 'predict';
}

@Injectable()
export class DurableAnswer {
  constructor(
    private readonly context: GatewayContext,
    private readonly durable: DurableService,
    private readonly watchers: Watchers,
    private readonly catalog: ModelCatalog,
  ) {}

  async submit(submit: Submit): Promise<void> {
    const { request, reply, alias } = submit;
    const { headers } = request;
    const { waitMs = submit.waitMs, applied } = preferencesOf(headers);
    const gone = goneFrom(reply);
    let watch = { over: Promise.resolve(), stop: (): void => undefined };
    const accepted = await this.durable
      .submit({
        owner: ownerOf(request),
        model: submit.model,
        version: submit.version,
        content: submit.content,
        read: () => submit.read(),
        webhook: webhookOf(headers, submit.webhook),
        idempotencyKey: idempotencyKeyOf(headers),
        alias,
        requestId: request.id,
        timeoutMs: cancelAfterOf(headers),
        watched: waitMs > 0,
        named: (id) => {
          if (waitMs > 0) watch = this.watchers.end(id, waitMs, gone);
        },
      })
      .catch((error: unknown) => {
        watch.stop();
        throw error;
      });
    if (applied !== undefined) void reply.header('preference-applied', applied);
    if (accepted.replayed) {
      void reply.header('idempotent-replayed', 'true');
      watch.stop();
      watch = await this.watchOther(accepted.id, waitMs, gone);
    }
    await watch.over;
    await this.answer(submit, accepted, waitMs > 0);
  }

  /** The object as JSON, with its output and, where it is short, its input. */
  async object(request: FastifyRequest, record: PredictionRecord, id?: string): Promise<string> {
    const [input, output, queue] = await redisAnswers(
      Promise.all([this.input(record), this.output(record), this.place(record)]),
    );
    return predictionJson({
      record,
      base: this.base(request),
      input,
      output,
      queue,
      ...(id === undefined ? {} : { id }),
    });
  }

  /** What URLs in answers begin with. */
  base(request: FastifyRequest): string {
    return this.context.config.publicUrl ?? `${request.protocol}://${request.host}`;
  }

  private async watchOther(
    id: string,
    waitMs: number,
    gone: { onGone(listener: () => void): void },
  ): Promise<{ over: Promise<void>; stop(): void }> {
    const watch = this.watchers.end(id, waitMs, gone);
    // It may have ended before anybody here could be told.
    const isKnown = waitMs > 0 && (await redisAnswers(this.context.ledger.watch(id, this.context.id)));
    const record = isKnown ? await redisAnswers(this.context.ledger.read(id)) : undefined;
    if (!record || isTerminal(record.status)) watch.stop();
    return watch;
  }

  private async answer(submit: Submit, { id, record: fresh, replayed }: Accepted, waited: boolean): Promise<void> {
    const { request, reply, layout, alias } = submit;
    const owner = ownerOf(request);
    const record = fresh && !waited ? fresh : await this.durable.read(owner, id);
    void reply.header('location', `${this.base(request)}/v1/predictions/${alias ?? id}`);
    const ended = isTerminal(record.status);
    if (layout === 'predict' && ended) return this.predictAnswer(reply, record);
    const body =
      record === fresh
        ? predictionJson({ record, base: this.base(request), id: alias ?? id })
        : await this.object(request, record, alias ?? id);
    if (!ended) void reply.header('retry-after', String(this.retryAfter(record)));
    const status = !ended ? 202 : replayed ? 200 : 201;
    void reply.status(status).type('application/json; charset=utf-8').send(body);
  }

  /** Never a 200 for a failure. */
  private async predictAnswer(reply: FastifyReply, record: PredictionRecord): Promise<void> {
    if (record.status !== 'succeeded') throw failureOf(record);
    const output = await redisAnswers(this.context.ledger.output(record.id));
    if (!output || !record.metrics) throw removed();
    const totalMs = (record.completed ?? record.created) - record.created;
    const items = outputItems(record, output);
    const body = answerJson({ ...record, metrics: record.metrics, items, totalMs });
    void reply.type('application/json; charset=utf-8').send(body);
  }

  private input(record: PredictionRecord): Promise<Buffer | null> {
    return isInputInline(record) ? this.context.ledger.input(record.id) : Promise.resolve(null);
  }

  private output({ id, status }: PredictionRecord): Promise<Buffer | null> {
    return status === 'succeeded' ? this.context.ledger.output(id) : Promise.resolve(null);
  }

  private async place(record: PredictionRecord): Promise<QueuePlace | undefined> {
    if (record.status !== 'starting') return undefined;
    const position = await this.context.outbox.queue(record).place(record.job ?? durableJobId(record));
    return position === undefined ? undefined : { position, eta_ms: this.eta(record, position) };
  }

  /** Milliseconds until what is in front of it has run, by what the workers have learned. */
  private eta({ model, version }: PredictionRecord, position: number): number | null {
    const served = this.catalog.find(modelKey(model, version));
    if (!served || served.slots === 0 || served.alpha === undefined) return null;
    return Math.ceil(((position + 1) * served.alpha + (served.beta ?? 0)) / served.slots);
  }

  private retryAfter(record: PredictionRecord): number {
    const eta = this.eta(record, 0) ?? 0;
    return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(eta / 1_000)));
  }
}

function failureOf({ status, code, message }: PredictionRecord): SluiceError {
  if (code !== undefined && isErrorCode(code)) return new SluiceError(code, message ?? '');
  return new SluiceError('STATE_CONFLICT', `The prediction was ${status} before it had an answer.`);
}

function removed(): SluiceError {
  return new SluiceError('INPUT_REMOVED', 'The output of this prediction is no longer kept. Submit it again.');
}
