/** Routes of durable predictions that are there: read, listed, cancelled, tried again. */
import { Controller, Get, HttpCode, HttpStatus, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import { GatewayContext } from '../../context.js';
import { ownerOf } from '../../http/owner.js';
import { DurableAnswer } from '../durable-answer.js';
import { DurableService, redisAnswers } from '../durable.service.js';
import { DescribeRecord } from '../openapi.js';
import { inputJson } from '../prediction-object.js';
import { cancelAfterOf } from '../preferences.js';
import { Listing } from './listing.js';

const JSON_TYPE = 'application/json; charset=utf-8';

@ApiTags('durable predictions')
@Controller('v1/predictions')
export class RecordsController {
  constructor(
    private readonly context: GatewayContext,
    private readonly durable: DurableService,
    private readonly answer: DurableAnswer,
    private readonly listing: Listing,
  ) {}

  @Get()
  @DescribeRecord({ summary: 'List predictions, the newest first', operationId: 'listPredictions' })
  async list(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query() query: Record<string, string>,
  ): Promise<void> {
    const body = await this.listing.page({ owner: ownerOf(request), base: this.answer.base(request), query });
    void reply.type(JSON_TYPE).send(body);
  }

  @Get(':id')
  @DescribeRecord({ summary: 'Read a prediction', operationId: 'getPrediction', path: ['id'] })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const record = await this.durable.read(ownerOf(request), id);
    void reply.type(JSON_TYPE).send(await this.answer.object(request, record, id));
  }

  @Get(':id/input')
  @DescribeRecord({ summary: 'What was submitted', operationId: 'getPredictionInput', path: ['id'] })
  async input(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const record = await this.durable.read(ownerOf(request), id);
    const payload = await redisAnswers(this.context.ledger.input(record.id));
    if (!payload) throw new SluiceError('INPUT_REMOVED', 'The input of this prediction is no longer kept.');
    const [item, ...others] = record.items;
    if (item?.type === 'image' && others.length === 0) {
      // Bytes that somebody sent are never rendered by a browser under this service's name.
      void reply.header('content-disposition', 'attachment').header('x-content-type-options', 'nosniff');
      void reply.type('application/octet-stream').send(payload);
      return;
    }
    const bytesAs = item?.type === 'text' ? 'input' : 'inputs';
    const member = record.form === 'bytes' ? bytesAs : record.form;
    const pictures = record.items.map(({ offset, length }) => payload.toString('base64', offset, offset + length));
    const value = item?.type === 'image' ? JSON.stringify(pictures) : inputJson(record, payload);
    void reply.type(JSON_TYPE).send(`{${JSON.stringify(member)}:${value}}`);
  }

  @Post(':id/cancel')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Cancel a prediction', operationId: 'cancelPrediction', path: ['id'] })
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const record = await this.durable.cancel(ownerOf(request), id);
    void reply.type(JSON_TYPE).send(await this.answer.object(request, record, id));
  }

  @Post(':id/retry')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Run a prediction that failed again', operationId: 'retryPrediction', path: ['id'] })
  async retry(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const record = await this.durable.retry(ownerOf(request), id, cancelAfterOf(request.headers));
    void reply
      .status(HttpStatus.ACCEPTED)
      .type(JSON_TYPE)
      .send(await this.answer.object(request, record, id));
  }
}
