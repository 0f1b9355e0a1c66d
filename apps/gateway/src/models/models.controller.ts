/** Readiness of single models. */
import { Controller, Get, HttpStatus, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ModelCatalog } from './model-catalog.js';

@ApiTags('operations')
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly catalog: ModelCatalog) {}

  @Get(':name/ready')
  @ApiOperation({ summary: 'Whether a model can be served now', operationId: 'modelReady' })
  @ApiParam({ name: 'name', schema: { type: 'string' } })
  @ApiResponse({ status: 200, description: 'At least one version has a ready run slot' })
  @ApiResponse({ status: 503, description: 'Known, but no version is ready' })
  @ApiResponse({ status: 404, description: 'No such model' })
  ready(@Param('name') name: string, @Res() reply: FastifyReply): void {
    const ready = this.catalog.fresh && this.catalog.ready(name);
    const versions = this.catalog
      .all()
      .filter((model) => model.description.name === name)
      .map(({ version, slots, holders }) => ({ version, slots, states: holders.map(({ state }) => state) }));
    void reply.status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE).send({ name, ready, versions });
  }
}
