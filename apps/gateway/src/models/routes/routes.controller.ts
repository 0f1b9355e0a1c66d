/** Routes that change what a model's name means. Each answers with the model as it is then. */
import { Controller, Delete, Param, Put, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MODEL_VERSION, shadow, split } from '#inference';
import { controlBody } from '../../http/control-body.js';
import { parseQuery } from '../../http/query.js';
import { callerOf } from '../caller.js';
import { ModelCatalog } from '../catalog/model-catalog.js';
import { checkedName } from '../model-names.js';
import { modelObject } from '../model-object.js';
import { DescribeModels } from '../openapi.js';
import { RouteOperations } from './route-operations.js';

const version = z.string().regex(MODEL_VERSION, 'a version was expected');
const versionBody = z.strictObject({ version });
const splitBody = z.strictObject({
  split: split
    .refine(
      (shares) => new Set(shares.map((share) => share.version)).size === shares.length,
      'each version stands once',
    )
    .refine((shares) => shares.some(({ weight }) => weight > 0), 'a weight above 0 was expected'),
});
const shadowBody = z.strictObject(shadow.shape);
const force = z.strictObject({ force: z.enum(['true', 'false']).default('false') });

const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const SHARE = { type: 'object', properties: { version: TEXT, weight: { type: 'integer' } } };

interface Named {
  name: string;
  alias: string;
}

@ApiTags('models')
@Controller('v1/models/:name')
export class RoutesController {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly operations: RouteOperations,
  ) {}

  @Put('default')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Make a version the one that answers requests without a version',
    operationId: 'setDefault',
    path: ['name'],
    query: ['force'],
    body: { version: TEXT },
    answers: 'model',
  })
  setDefault(
    @Req() request: FastifyRequest,
    @Param('name') name: string,
    @Query() query: Record<string, string>,
  ): Promise<object> {
    const isForced = parseQuery(force, query).force === 'true';
    const of = { name: checkedName(name), version: controlBody(request, versionBody).version };
    return this.after(name, this.operations.setDefault(of, { by: callerOf(request), force: isForced }));
  }

  @Delete('default')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Have the newest version that is ready answer requests without a version',
    operationId: 'removeDefault',
    path: ['name'],
    answers: 'model',
  })
  removeDefault(@Req() request: FastifyRequest, @Param('name') name: string): Promise<object> {
    return this.after(name, this.operations.removeDefault(checkedName(name), callerOf(request)));
  }

  @Put('aliases/:alias')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Give a version another name',
    operationId: 'setAlias',
    path: ['name', 'alias'],
    body: { version: TEXT },
    answers: 'model',
  })
  setAlias(@Req() request: FastifyRequest, @Param() { name, alias }: Named): Promise<object> {
    const of = { name: checkedName(name), version: controlBody(request, versionBody).version };
    return this.after(name, this.operations.setAlias(of, alias, callerOf(request)));
  }

  @Delete('aliases/:alias')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Take a name away',
    operationId: 'removeAlias',
    path: ['name', 'alias'],
    answers: 'model',
  })
  removeAlias(@Req() request: FastifyRequest, @Param() { name, alias }: Named): Promise<object> {
    return this.after(name, this.operations.removeAlias(checkedName(name), alias, callerOf(request)));
  }

  @Put('split')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Divide requests without a version between versions, by weight',
    operationId: 'setSplit',
    path: ['name'],
    body: { split: { type: 'array', items: SHARE } },
    answers: 'model',
  })
  setSplit(@Req() request: FastifyRequest, @Param('name') name: string): Promise<object> {
    const shares = controlBody(request, splitBody).split;
    return this.after(name, this.operations.setSplit(checkedName(name), shares, callerOf(request)));
  }

  @Delete('split')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Divide requests no longer',
    operationId: 'removeSplit',
    path: ['name'],
    answers: 'model',
  })
  removeSplit(@Req() request: FastifyRequest, @Param('name') name: string): Promise<object> {
    return this.after(name, this.operations.setSplit(checkedName(name), undefined, callerOf(request)));
  }

  @Put('shadow')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({
    summary: 'Run a share of requests without a version on another version too, and compare',
    operationId: 'setShadow',
    path: ['name'],
    body: { version: TEXT, share: NUMBER },
    answers: 'model',
  })
  setShadow(@Req() request: FastifyRequest, @Param('name') name: string): Promise<object> {
    const wanted = controlBody(request, shadowBody);
    return this.after(name, this.operations.setShadow(checkedName(name), wanted, callerOf(request)));
  }

  @Delete('shadow')
  @RouteConfig({ body: 'control', scopes: ['admin'] })
  @DescribeModels({ summary: 'Shadow no longer', operationId: 'removeShadow', path: ['name'], answers: 'model' })
  removeShadow(@Req() request: FastifyRequest, @Param('name') name: string): Promise<object> {
    return this.after(name, this.operations.setShadow(checkedName(name), undefined, callerOf(request)));
  }

  private async after(name: string, change: Promise<void>): Promise<object> {
    await change;
    return modelObject(name, this.catalog.view.models.get(name) ?? [], this.catalog.route(name));
  }
}
