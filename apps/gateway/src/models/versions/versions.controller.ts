/** Routes that change a registered version. */
import { Controller, Delete, HttpCode, HttpStatus, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { modelKey, versionLimits, type VersionName } from '#inference';
import { controlBody } from '../../http/control-body.js';
import { parseQuery } from '../../http/query.js';
import { callerOf } from '../caller.js';
import { ModelCatalog } from '../catalog/model-catalog.js';
import { notFound } from '../catalog/resolution.js';
import { checkedVersion } from '../model-names.js';
import { versionSummary } from '../model-object.js';
import { DescribeModels } from '../openapi.js';
import { VersionOperations } from './version-operations.js';

const PATH = ['name', 'version'];
const force = z.strictObject({ force: z.enum(['true', 'false']).default('false') });
const limits = z.strictObject({ batching: z.strictObject(versionLimits.shape) });

type Query = Record<string, string>;

@ApiTags('models')
@Controller('v1/models/:name/versions/:version')
export class VersionsController {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly operations: VersionOperations,
  ) {}

  @Post('load')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Have workers load a version',
    operationId: 'loadVersion',
    path: PATH,
    answers: 'version',
  })
  async load(@Req() request: FastifyRequest, @Param() params: VersionName): Promise<object> {
    const of = checkedVersion(params);
    await this.operations.load(of, callerOf(request));
    return this.shown(of);
  }

  @Post('unload')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Have workers drop a version from memory; what was accepted for it is still answered',
    operationId: 'unloadVersion',
    path: PATH,
    query: ['force'],
    answers: 'version',
  })
  async unload(@Req() request: FastifyRequest, @Param() params: VersionName, @Query() query: Query): Promise<object> {
    const of = checkedVersion(params);
    await this.operations.unload(of, { by: callerOf(request), force: isForced(query) });
    return this.shown(of);
  }

  @Patch()
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Set how it is batched, in place of what was set before',
    operationId: 'limitVersion',
    path: PATH,
    body: {
      batching: { type: 'object', properties: { maxBatchSize: { type: 'integer' }, maxDelayMs: { type: 'number' } } },
    },
    answers: 'version',
  })
  async limit(@Req() request: FastifyRequest, @Param() params: VersionName): Promise<object> {
    const of = checkedVersion(params);
    await this.operations.limit(of, controlBody(request, limits).batching, callerOf(request));
    return this.shown(of);
  }

  @Delete()
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Remove a version; by force also one that is named or in use',
    operationId: 'removeVersion',
    path: PATH,
    query: ['force'],
  })
  async remove(@Req() request: FastifyRequest, @Param() params: VersionName, @Query() query: Query): Promise<object> {
    const of = checkedVersion(params);
    await this.operations.remove(of, { by: callerOf(request), force: isForced(query) });
    return { ...of, state: 'removed' };
  }

  private shown({ name, version }: VersionName): object {
    const known = this.catalog.view.versions.get(modelKey(name, version));
    if (!known) throw notFound(this.catalog.view, name, version);
    return versionSummary(known);
  }
}

function isForced(query: Query): boolean {
  return parseQuery(force, query).force === 'true';
}
