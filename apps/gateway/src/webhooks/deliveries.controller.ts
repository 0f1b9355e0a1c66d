/** Deliveries of one owner over HTTP: what each attempt met, and again, one or those of a range of time. */
import { Controller, Get, HttpCode, HttpStatus, Param, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DELIVERY_STATES, SluiceError, type DeliveryRecord } from '#inference';
import { BatchesService } from '../batches/batches.service.js';
import { DurableService, redisAnswers } from '../durable/durable.service.js';
import { DescribeRecord } from '../durable/openapi.js';
import { controlBody } from '../http/control-body.js';
import { ownerOf } from '../http/owner.js';
import { time } from '../http/time.js';
import { disabled } from './endpoints.js';
import { Webhooks } from './webhooks.js';

/** Deliveries that one call looks at; where there are more it says where to go on. */
const AT_ONCE = 500;

const range = z.strictObject({
  since: time,
  until: time,
  endpoint: z.string().optional(),
  /** Without one, those that ended in vain. */
  state: z.enum(DELIVERY_STATES).exclude(['pending']).optional(),
  cursor: z
    .string()
    .regex(/^\d{1,15}\.\d{1,9}$/)
    .optional(),
});
const IN_VAIN = new Set<string>(['failed', 'disabled']);

/** The prediction or bulk run that deliveries tell of. */
interface Sender {
  id: string;
  owner: string;
}

@ApiTags('webhooks')
@Controller('v1')
export class DeliveriesController {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly durable: DurableService,
    private readonly batches: BatchesService,
  ) {}

  @Get('predictions/:id/deliveries')
  @DescribeRecord({
    summary: 'Webhooks of a prediction, with every attempt',
    operationId: 'listDeliveries',
    path: ['id'],
  })
  async list(@Req() request: FastifyRequest, @Param('id') id: string): Promise<object> {
    return this.sentOf(await this.durable.read(ownerOf(request), id));
  }

  @Get('batches/:id/deliveries')
  @DescribeRecord({
    summary: 'Webhooks of a bulk run, with every attempt',
    operationId: 'listBatchDeliveries',
    path: ['id'],
  })
  async listOfBatch(@Req() request: FastifyRequest, @Param('id') id: string): Promise<object> {
    return this.sentOf(await this.batches.read(ownerOf(request), id));
  }

  @Post('predictions/:id/deliveries/:delivery/replay')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({
    summary: 'Deliver a webhook again, under the same webhook-id',
    operationId: 'replayDelivery',
    path: ['id', 'delivery'],
  })
  async replay(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Param('delivery') delivery: string,
  ): Promise<object> {
    return this.again(await this.durable.read(ownerOf(request), id), delivery);
  }

  @Post('batches/:id/deliveries/:delivery/replay')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({
    summary: 'Deliver a webhook of a bulk run again, under the same webhook-id',
    operationId: 'replayBatchDelivery',
    path: ['id', 'delivery'],
  })
  async replayOfBatch(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Param('delivery') delivery: string,
  ): Promise<object> {
    return this.again(await this.batches.read(ownerOf(request), id), delivery);
  }

  /** At most so many are looked at in one call; `cursor` in the answer goes into the next. */
  @Post('webhooks/replay')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Deliver webhooks of a range of time again', operationId: 'replayDeliveries' })
  async replayRange(@Req() request: FastifyRequest): Promise<object> {
    const owner = ownerOf(request);
    const { since, until, endpoint, state, cursor } = controlBody(request, range);
    const [from = since, skip = 0] = cursor?.split('.').map(Number) ?? [];
    const { records, next } = await redisAnswers(
      this.webhooks.deliveries.between(owner, { since: Math.max(from, since), skip, until, limit: AT_ONCE }),
    );
    const wanted = records.filter(
      (record) =>
        (endpoint === undefined || record.endpoint === endpoint) &&
        (state === undefined ? IN_VAIN.has(record.state) : record.state === state),
    );
    const answers = await redisAnswers(Promise.all(wanted.map(({ id }) => this.webhooks.replay(id, owner))));
    return {
      replayed: answers.filter((answer) => answer === 'done').length,
      disabled: answers.filter((answer) => answer === 'disabled').length,
      cursor: next ? `${next.since}.${next.skip}` : null,
    };
  }

  private async sentOf({ id }: Sender): Promise<object> {
    const records = await redisAnswers(this.webhooks.deliveries.of(id));
    return { results: records.map(view) };
  }

  private async again({ id, owner }: Sender, delivery: string): Promise<object> {
    const record = await redisAnswers(this.webhooks.deliveries.read(delivery));
    if (record?.subject !== id) throw notFound(delivery);
    const answer = await redisAnswers(this.webhooks.replay(delivery, owner));
    if (answer === 'gone') throw notFound(delivery);
    if (answer === 'disabled') throw disabled(record.endpoint);
    return view((await redisAnswers(this.webhooks.deliveries.read(delivery))) ?? record);
  }
}

function view(record: DeliveryRecord): object {
  return {
    id: record.id,
    event: record.event,
    endpoint: record.endpoint,
    url: record.url,
    state: record.state,
    reason: record.reason ?? null,
    replays: record.round,
    attempts: record.attempts,
    next_attempt_at: iso(record.next),
    created_at: iso(record.created),
    completed_at: iso(record.completed),
    log: record.log.map(({ at, ms, round, status, failure }) => ({
      at: iso(at),
      ms,
      replay: round,
      ...(status === undefined ? { failure } : { status }),
    })),
  };
}

function notFound(delivery: string): SluiceError {
  return new SluiceError(
    'DELIVERY_NOT_FOUND',
    `There is no delivery ${JSON.stringify(delivery.slice(0, 128))} here, or it has been kept its time.`,
  );
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
