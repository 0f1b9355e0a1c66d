/** From a request on the fast lane to its answer: read, predicted, laid out, counted. */
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toSluiceError, type ModelDescription } from '#inference';
import { GatewayContext } from '../context.js';
import { goneFrom } from '../http/predict-gate.js';
import type { ServedModel } from '../models/catalog/fleet-snapshot.js';
import { LastErrors } from '../models/catalog/last-errors.js';
import { Shadows } from '../shadow/shadows.js';
import { answerJson, metricsOf } from './answer.js';
import { inputFromContent } from './content-input.js';
import type { Reply } from './pending-prediction.js';
import type { InputForm } from './prediction-input.js';
import { PredictionsService } from './predictions.service.js';
import { contentOf } from './request-content.js';

export interface FastPrediction {
  request: FastifyRequest;
  reply: FastifyReply;
  model: ServedModel;
  /** Milliseconds the caller gives. */
  timeoutMs: number;
  /** The request named no version. */
  unnamed: boolean;
  /** When it came, as of performance.now. */
  begun: number;
}

@Injectable()
export class FastAnswer {
  constructor(
    private readonly context: GatewayContext,
    private readonly predictions: PredictionsService,
    private readonly shadows: Shadows,
    private readonly errors: LastErrors,
  ) {}

  async send({ request, reply, model, timeoutMs, unnamed, begun }: FastPrediction): Promise<void> {
    const labels = { model: model.name, version: model.version };
    const { metrics, log } = this.context;
    try {
      const { form, items } = inputFromContent(await contentOf(request), model.description);
      const requestId = request.id;
      const compare = unnamed ? this.shadows.begin({ model, items, requestId }) : undefined;
      const replies = await this.predictions.predict({ model, items, timeoutMs, requestId, gone: goneFrom(reply) });
      const totalMs = performance.now() - begun;
      metrics.total.observe(labels, totalMs / 1_000);
      metrics.outcomes.inc({ ...labels, outcome: 'ok' });
      if (log.isLevelEnabled('debug')) log.debug({ request: requestId, ...labels, totalMs }, 'prediction answered');
      void reply.type('application/json; charset=utf-8').send(answer(model.description, form, { replies, totalMs }));
      compare?.(replies);
    } catch (error) {
      const failure = toSluiceError(error);
      metrics.outcomes.inc({ ...labels, outcome: failure.code });
      this.errors.note(model.key, failure);
      throw error;
    }
  }
}

function answer(
  { name, version, batched }: ModelDescription,
  form: InputForm,
  { replies, totalMs }: { replies: Reply[]; totalMs: number },
): string {
  const items = replies.map(({ result, bytes }) => ({ type: result.type, bytes }));
  return answerJson({ form, batched, items, model: name, version, metrics: metricsOf(replies), totalMs });
}
