/** The native prediction routes: which version is meant, and which lane a request goes. */
import { Controller, HttpCode, HttpStatus, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import { GatewayContext } from '../context.js';
import { DurableAnswer } from '../durable/durable-answer.js';
import type { ReadInput } from '../durable/durable.service.js';
import { DescribeDurableHeaders } from '../durable/openapi.js';
import { chanceOf, checkNotKept, isDurable } from '../durable/preferences.js';
import { ModelCatalog } from '../models/catalog/model-catalog.js';
import { inputFromContent } from './content-input.js';
import { FastAnswer } from './fast-answer.js';
import { DescribePredict } from './openapi.js';
import { contentOf } from './request-content.js';

@Controller('predict')
export class PredictionsController {
  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
    private readonly fast: FastAnswer,
    private readonly durable: DurableAnswer,
  ) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @DescribeDurableHeaders()
  @DescribePredict({ summary: 'Predict with the default model', operationId: 'predict', path: [] })
  byDefault(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(request, reply, {});
  }

  @Post(':model')
  @HttpCode(HttpStatus.OK)
  @DescribeDurableHeaders()
  @DescribePredict({
    summary: 'Predict with the version of a model that answers requests without one',
    operationId: 'predictModel',
    path: ['model'],
  })
  byModel(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('model') model: string): Promise<void> {
    return this.answer(request, reply, { model });
  }

  @Post(':model/:version')
  @HttpCode(HttpStatus.OK)
  @DescribeDurableHeaders()
  @DescribePredict({
    summary: 'Predict with a version of a model, an alias, or latest',
    operationId: 'predictVersion',
    path: ['model', 'version'],
  })
  byVersion(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param() { model, version }: { model: string; version: string },
  ): Promise<void> {
    return this.answer(request, reply, { model, version });
  }

  private async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    wanted: { model?: string; version?: string },
  ): Promise<void> {
    const begun = performance.now();
    const timeoutMs = this.timeout(request.headers['x-request-timeout']);
    if (isDurable(request.headers)) return this.keep(request, reply, { ...wanted, waitMs: timeoutMs });
    checkNotKept(request.headers);
    const model = this.catalog.resolve(wanted.model, wanted.version);
    await this.fast.send({ request, reply, model, timeoutMs, unnamed: wanted.version === undefined, begun });
  }

  private async keep(
    request: FastifyRequest,
    reply: FastifyReply,
    wanted: { model?: string; version?: string; waitMs: number },
  ): Promise<void> {
    const content = await contentOf(request);
    const read = (): ReadInput => {
      const { description } = this.catalog.resolveKept(wanted.model, wanted.version, chanceOf(request.headers));
      return { description, input: inputFromContent(content, description) };
    };
    await this.durable.submit({ request, reply, ...wanted, content, read, layout: 'predict' });
  }

  /** `X-Request-Timeout`, seconds, in milliseconds. */
  private timeout(header: string | string[] | undefined): number {
    const { requestTimeoutMs, maxRequestTimeoutMs } = this.context.config;
    if (header === undefined) return requestTimeoutMs;
    const ms = /^\d{1,6}(\.\d{1,6})?$/.test(String(header)) ? Math.round(Number(header) * 1_000) : 0;
    if (ms > 0 && ms <= maxRequestTimeoutMs) return ms;
    throw new SluiceError(
      'HEADER_INVALID',
      `X-Request-Timeout is ${JSON.stringify(String(header).slice(0, 40))}; seconds above 0 and up to ${maxRequestTimeoutMs / 1_000} were expected.`,
    );
  }
}
