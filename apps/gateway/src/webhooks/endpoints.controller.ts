/** Endpoints of one owner over HTTP. A secret is told once, when it was made here, and never read back. */
import { Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { newSecret, PAYLOADS, secretBytes, type Endpoint } from '#inference';
import { DescribeRecord } from '../durable/openapi.js';
import { controlBody } from '../http/control-body.js';
import { ownerOf } from '../http/owner.js';
import { Webhooks } from './webhooks.js';

const DEFAULT_OVERLAP_SECONDS = 24 * 3_600;
const MAX_OVERLAP_SECONDS = 30 * 24 * 3_600;

const secret = z
  .string()
  .refine((text) => secretBytes(text) !== undefined, '"whsec_" and the base64 of 24 to 64 bytes was expected');
const change = z.strictObject({ url: z.string(), secret: secret.optional(), payload: z.enum(PAYLOADS).optional() });
const rotation = z.strictObject({
  secret: secret.optional(),
  overlap_seconds: z.number().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
});

@ApiTags('webhooks')
@Controller('v1/webhooks/endpoints')
export class EndpointsController {
  constructor(private readonly webhooks: Webhooks) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Register an endpoint, or change one', operationId: 'putEndpoint' })
  async put(@Req() request: FastifyRequest): Promise<object> {
    const owner = ownerOf(request);
    const fresh = newSecret();
    const made = await this.webhooks.endpoints.put({ ...controlBody(request, change), owner, fresh });
    return { ...(await this.shown(owner, made.id)), ...(made.fresh ? { secret: fresh } : {}) };
  }

  @Get()
  @DescribeRecord({ summary: 'List endpoints, the newest first', operationId: 'listEndpoints' })
  async list(@Req() request: FastifyRequest): Promise<object> {
    const endpoints = await this.webhooks.endpoints.list(ownerOf(request));
    return { results: endpoints.map((endpoint) => this.view(endpoint)) };
  }

  @Get(':id')
  @DescribeRecord({ summary: 'Read an endpoint, without its secrets', operationId: 'getEndpoint', path: ['id'] })
  get(@Req() request: FastifyRequest, @Param('id') id: string): Promise<object> {
    return this.shown(ownerOf(request), id);
  }

  /** Both the new secret and the old ones sign for a while, so that a receiver may change at any time in it. */
  @Post(':id/rotate')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Change the secret', operationId: 'rotateEndpoint', path: ['id'] })
  async rotate(@Req() request: FastifyRequest, @Param('id') id: string): Promise<object> {
    const owner = ownerOf(request);
    const { secret: given, overlap_seconds: overlap } = controlBody(request, rotation);
    const next = given ?? newSecret();
    await this.webhooks.endpoints.rotate({ id, owner }, next, overlap * 1_000);
    return { ...(await this.shown(owner, id)), ...(given === undefined ? { secret: next } : {}) };
  }

  @Post(':id/enable')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Deliver again after a 410', operationId: 'enableEndpoint', path: ['id'] })
  enable(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.webhooks.endpoints.enable({ id, owner: ownerOf(request) });
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Forget an endpoint and its secrets', operationId: 'deleteEndpoint', path: ['id'] })
  remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.webhooks.endpoints.remove({ id, owner: ownerOf(request) });
  }

  private async shown(owner: string, id: string): Promise<object> {
    return this.view(await this.webhooks.endpoints.get({ id, owner }));
  }

  private view({ id, url, payload, secrets, created, updated, disabled }: Endpoint): object {
    const old = secrets.flatMap(({ until }) => until ?? []);
    return {
      id,
      url,
      payload: payload ?? null,
      enabled: disabled === undefined,
      disabled_at: iso(disabled),
      has_secret: secrets.length > 0,
      old_secret_until: iso(old.length === 0 ? undefined : Math.max(...old)),
      created_at: iso(created),
      updated_at: iso(updated),
    };
  }
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
