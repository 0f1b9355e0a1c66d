/** Routes of bulk runs: begun and filled by uploads, read, listed, cancelled. */
import { Controller, Get, HttpCode, HttpStatus, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { modelKey, SluiceError, type BatchRecord, type ModelDescription } from '#inference';
import { GatewayContext } from '../context.js';
import { bulkWebhookOf, chanceOf, checkRowsHeaders, idempotencyKeyOf } from '../durable/preferences.js';
import { letGo } from '../http/body-stream.js';
import { ownerOf } from '../http/owner.js';
import { parseQuery } from '../http/query.js';
import { ModelCatalog } from '../models/catalog/model-catalog.js';
import { batchObject } from './batch-object.js';
import { BatchesService } from './batches.service.js';
import { DescribeRecord } from '../durable/openapi.js';
import { DescribeRows } from './openapi.js';
import type { RowSource } from './rows/row.js';
import { hasRows, UploadSources } from './rows/upload-source.js';

const seal = z.enum(['true', 'false']).default('true');
const newQuery = z.strictObject({ model: z.string().optional(), version: z.string().optional(), seal });
const rowsQuery = z.strictObject({ from: z.coerce.number().int().nonnegative().optional(), seal });
const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(64).optional(),
});

type Query = Record<string, string>;

interface Placed {
  request: FastifyRequest;
  /** Of the version that reads the rows. @throws MODEL_NOT_FOUND, MODEL_NOT_READY, VERSION_REMOVED */
  model: () => ModelDescription;
  /** What a refusal tells of the batch. */
  members?: { id: string; committed: number };
}

/** Rows on their way, and what reads them; undefined where a request has no body. */
type Rows = { source: RowSource; model: ModelDescription } | undefined;

@ApiTags('bulk runs')
@Controller('v1/batches')
export class BatchesController {
  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
    private readonly batches: BatchesService,
    private readonly sources: UploadSources,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'rows' })
  @DescribeRows({ summary: 'Begin a bulk run with its rows', operationId: 'createBatch' })
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.reading(request, reply, () => this.begin(request, reply));
  }

  @Post(':id/rows')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'rows' })
  @DescribeRows({ summary: 'Add rows to a bulk run', operationId: 'addRows', path: ['id'] })
  add(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.reading(request, reply, () => this.addTo((request.params as { id: string }).id, request, reply));
  }

  @Get()
  @DescribeRecord({ summary: 'List bulk runs, the newest first', operationId: 'listBatches' })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Query() query: Query): Promise<void> {
    const { limit, cursor } = parseQuery(listQuery, query);
    const batches = await this.batches.list(ownerOf(request), { limit, after: cursor });
    const next = batches.length === limit ? batches.at(-1)!.id : null;
    void reply.send({ results: batches.map((batch) => this.object(request, batch)), next });
  }

  @Get(':id')
  @DescribeRecord({ summary: 'How far a bulk run is', operationId: 'getBatch', path: ['id'] })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    void reply.send(this.object(request, await this.batches.read(ownerOf(request), id)));
  }

  @Post(':id/cancel')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Cancel a bulk run', operationId: 'cancelBatch', path: ['id'] })
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    void reply.send(this.object(request, await this.batches.cancel(ownerOf(request), id)));
  }

  private async reading(request: FastifyRequest, reply: FastifyReply, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await letGo(request, reply);
      throw error;
    }
  }

  private async begin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const wanted = parseQuery(newQuery, request.query as Query);
    const webhook = bulkWebhookOf(request.headers);
    const idempotencyKey = idempotencyKeyOf(request.headers);
    const owner = ownerOf(request);
    const wish = { owner, wanted, requestId: request.id, webhook, idempotencyKey };
    // A key that is used again finds its batch, and what that lacks is added, for the version that it is of.
    const before = await this.batches.begunBefore(wish);
    if (before && before.state !== 'open') {
      await letGo(request, reply);
      return this.answer(request, reply, before);
    }
    const seal = wanted.seal === 'true';
    if (!hasRows(request) && seal) {
      throw new SluiceError('BODY_EMPTY', 'The body is empty; rows were expected, or seal=false for rows to come.');
    }
    const model = (): ModelDescription => (before ? this.descriptionOf(before) : this.meant(wanted, request));
    await this.inPlace({ request, model }, async (rows) => {
      const batch = before ?? (await this.batches.begin({ ...wish, model: rows?.model ?? model() }));
      if (batch.state === 'open') await this.fill(request, rows, { batch, from: 0, seal });
      else await letGo(request, reply);
      await this.answer(request, reply, await this.batches.read(owner, batch.id));
    });
  }

  private meant({ model, version }: z.infer<typeof newQuery>, { headers }: FastifyRequest): ModelDescription {
    return this.catalog.resolveKept(model, version, chanceOf(headers)).description;
  }

  private async addTo(id: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const query = parseQuery(rowsQuery, request.query as Query);
    checkRowsHeaders(request.headers);
    const owner = ownerOf(request);
    const batch = await this.batches.read(owner, id);
    const { committed, state } = batch;
    const members = { id, committed };
    if (state !== 'open') {
      throw new SluiceError('STATE_CONFLICT', `The batch is ${state} and takes no more rows.`, { members });
    }
    const { from = committed, seal } = query;
    if (from > committed) {
      throw new SluiceError('STATE_CONFLICT', `Row ${from} would leave a gap behind row ${committed}.`, { members });
    }
    await this.inPlace({ request, model: () => this.descriptionOf(batch), members }, async (rows) => {
      await this.fill(request, rows, { batch, from, seal: seal === 'true' });
      await this.answer(request, reply, await this.batches.read(owner, id));
    });
  }

  private async fill(
    request: FastifyRequest,
    rows: Rows,
    { seal, ...upload }: { batch: BatchRecord; from: number; seal: boolean },
  ): Promise<void> {
    const { batches } = this;
    if (rows) await batches.upload({ ...upload, ...rows, requestId: request.id });
    if (seal) await batches.seal(upload.batch.id);
  }

  /**
   * With a place from before an archive is spooled until its last row has been read; without a body none is needed.
   * @throws CAPACITY_EXHAUSTED with the members given
   */
  private async inPlace(
    { request, model: known, members }: Placed,
    work: (rows: Rows) => Promise<void>,
  ): Promise<void> {
    if (!hasRows(request)) return work(undefined);
    const giveBack = this.batches.places.take(ownerOf(request), members);
    try {
      const model = known();
      const opened = await this.sources.open(request, model);
      await work({ source: opened.source, model }).finally(() => opened.close());
    } finally {
      giveBack();
    }
  }

  private descriptionOf({ model, version, package: mark }: BatchRecord): ModelDescription {
    this.catalog.confirm({ name: model, version, mark });
    const served = this.catalog.find(modelKey(model, version));
    if (served) return served.description;
    throw new SluiceError('MODEL_NOT_FOUND', `Model "${model}" version "${version}" is served no more.`);
  }

  private async answer(request: FastifyRequest, reply: FastifyReply, batch: BatchRecord): Promise<void> {
    const location = `${this.base(request)}/v1/batches/${batch.id}`;
    await reply.status(HttpStatus.ACCEPTED).header('location', location).send(this.object(request, batch));
  }

  private object(request: FastifyRequest, batch: BatchRecord): object {
    return batchObject(batch, { base: this.base(request), now: this.context.clock.now() });
  }

  private base(request: FastifyRequest): string {
    return this.context.config.publicUrl ?? `${request.protocol}://${request.host}`;
  }
}
