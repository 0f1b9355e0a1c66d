/** Which models there are, how they are, and whether they can be served: read by whoever predicts or manages. */
import { Controller, Get, HttpStatus, Param, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { modelKey, type Scope } from '#inference';
import { redisAnswers } from '../durable/durable.service.js';
import { parseQuery } from '../http/query.js';
import { LastErrors } from './catalog/last-errors.js';
import { ModelCatalog } from './catalog/model-catalog.js';
import { notFound } from './catalog/resolution.js';
import { checkedVersion } from './model-names.js';
import { modelObject, versionObject } from './model-object.js';
import { DescribeModels } from './openapi.js';

const READERS: readonly Scope[] = ['predict', 'admin'];
/** A page is full when it has so many versions, for a model may have thousands. */
const VERSIONS_PER_PAGE = 500;
const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** Name of the last model of the page before. */
  after: z.string().max(64).optional(),
});

@ApiTags('models')
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly errors: LastErrors,
  ) {}

  @Get()
  @RouteConfig({ scopes: READERS })
  @DescribeModels({
    summary: 'List models and their versions, by name',
    operationId: 'listModels',
    query: ['limit', 'after'],
  })
  list(@Query() query: Record<string, string>): object {
    const { limit, after = '' } = parseQuery(listQuery, query);
    const { models } = this.catalog.view;
    const names = [...models.keys()].filter((name) => name > after).sort();
    const page: object[] = [];
    let versions = 0;
    for (const name of names) {
      if (page.length === limit || versions >= VERSIONS_PER_PAGE) break;
      versions += models.get(name)!.length;
      page.push(this.shown(name));
    }
    return { models: page, next: page.length < names.length ? names[page.length - 1] : null };
  }

  @Get(':name')
  @RouteConfig({ scopes: READERS })
  @DescribeModels({ summary: 'A model and its versions', operationId: 'getModel', path: ['name'], answers: 'model' })
  get(@Param('name') name: string): object {
    if (!this.catalog.view.models.has(name)) throw notFound(this.catalog.view, name);
    return this.shown(name);
  }

  @Get(':name/versions/:version')
  @RouteConfig({ scopes: READERS })
  @DescribeModels({
    summary: 'A version: its package, the report of its verification, how it is on each worker',
    operationId: 'getModelVersion',
    path: ['name', 'version'],
    answers: 'details',
  })
  async version(@Param() params: { name: string; version: string }): Promise<object> {
    const { name, version } = checkedVersion(params);
    const known = this.catalog.view.versions.get(modelKey(name, version));
    if (!known) throw notFound(this.catalog.view, name, version);
    const details = known.registration && (await redisAnswers(this.catalog.registry.details({ name, version })));
    return versionObject({ known, route: this.catalog.route(name), details, errors: this.errors.of(known.key) });
  }

  @Get(':name/ready')
  @RouteConfig({ scopes: READERS })
  @ApiOperation({ summary: 'Whether a model can be served now', operationId: 'modelReady' })
  @ApiParam({ name: 'name', schema: { type: 'string' } })
  @ApiResponse({
    status: 200,
    description: 'A request without a version is answered, or waits for a worker to load it',
  })
  @ApiResponse({ status: 503, description: 'Known, but such a request would be refused' })
  @ApiResponse({ status: 404, description: 'No such model' })
  ready(@Param('name') name: string, @Res() reply: FastifyReply): void {
    const ready = this.catalog.fresh && this.catalog.ready(name);
    const known = this.catalog.view.models.get(name)?.filter(({ description }) => description !== undefined) ?? [];
    const versions = known.map(({ version, slots, holders }) => ({
      version,
      slots,
      states: holders.map(({ state }) => state),
    }));
    void reply.status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE).send({ name, ready, versions });
  }

  private shown(name: string): object {
    return modelObject(name, this.catalog.view.models.get(name) ?? [], this.catalog.route(name));
  }
}
