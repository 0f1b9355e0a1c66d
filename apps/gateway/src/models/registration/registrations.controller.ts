/** The route by which a version comes in. */
import { Controller, HttpCode, HttpStatus, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MODEL_NAME, MODEL_VERSION, modelKey, SluiceError } from '#inference';
import { GatewayContext } from '../../context.js';
import { preferencesOf } from '../../durable/preferences.js';
import { letGo } from '../../http/body-stream.js';
import { goneFrom } from '../../http/predict-gate.js';
import { parseQuery } from '../../http/query.js';
import { callerOf } from '../caller.js';
import { ModelCatalog } from '../catalog/model-catalog.js';
import { versionState } from '../catalog/version-state.js';
import { DescribeRegister } from '../openapi.js';
import { PackageSources } from './package-source.js';
import { RegistrationsService, type RegisteredVersion } from './registrations.service.js';

const flag = z.enum(['true', 'false']);
const registerQuery = z.strictObject({
  name: z.string().regex(MODEL_NAME, 'small letters, digits, ".", "_" and "-", 64 at most, were expected').optional(),
  version: z.string().regex(MODEL_VERSION, 'letters, digits, ".", "_" and "-", 32 at most, were expected').optional(),
  /** Requests without a version go to it as soon as a worker has it ready. */
  default: flag.default('false'),
  /** With false it is verified, and nobody is to hold it yet. */
  load: flag.default('true'),
});

@ApiTags('models')
@Controller('v1/models')
export class RegistrationsController {
  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
    private readonly sources: PackageSources,
    private readonly registrations: RegistrationsService,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'package', scopes: ['admin'] })
  @DescribeRegister()
  async register(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    try {
      const query = parseQuery(registerQuery, request.query as Record<string, string>);
      const { waitMs = 0, applied } = preferencesOf(request.headers);
      const { name, version } = query;
      const promote = query.default === 'true';
      const registered = await this.registrations.register({
        find: () => this.sources.of(request),
        name,
        version,
        promote,
        load: query.load === 'true',
        by: callerOf(request),
      });
      if (applied !== undefined) void reply.header('preference-applied', applied);
      const verified = waitMs > 0 && (await this.verified(registered, waitMs, reply));
      this.answer(request, reply, { registered, verified });
    } catch (error) {
      await letGo(request, reply);
      throw error;
    }
  }

  /** @throws VERIFICATION_FAILED with what the report says */
  private async verified(registered: RegisteredVersion, waitMs: number, reply: FastifyReply): Promise<boolean> {
    const registration = await this.registrations.verified(registered, waitMs, goneFrom(reply));
    if (registration?.state !== 'failed') return registration?.state === 'available';
    const { name, version } = registered;
    throw new SluiceError('VERIFICATION_FAILED', registration.reason ?? 'The verification failed.', {
      members: { name, version },
    });
  }

  private answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { registered, verified }: { registered: RegisteredVersion; verified: boolean },
  ): void {
    const { name, version, digest, again, notes } = registered;
    const base = this.context.config.publicUrl ?? `${request.protocol}://${request.host}`;
    const href = `${base}/v1/models/${name}/versions/${version}`;
    const known = this.catalog.view.versions.get(modelKey(name, version));
    const state = known ? versionState(known.registration, known.holders) : { state: 'registered' };
    const status = again ? HttpStatus.OK : verified ? HttpStatus.CREATED : HttpStatus.ACCEPTED;
    void reply
      .status(status)
      .header('location', href)
      .send({ name, version, digest, ...state, notes, href });
  }
}
