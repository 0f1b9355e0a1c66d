/** Routes that make durable predictions from JSON, Replicate's spellings of them included. */
import { Controller, Param, Post, Put, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { joined, SluiceError } from '#inference';
import type { Body } from '../../http/body.js';
import { parseJson } from '../../http/parse-json.js';
import { ModelCatalog } from '../../models/catalog/model-catalog.js';
import { DurableAnswer } from '../durable-answer.js';
import { DescribeSubmission } from '../openapi.js';
import { chanceOf } from '../preferences.js';
import { checkPath, durableBody, inputOfBody } from './body.js';

/** What a client may call a prediction; ours begin with p and have 23 characters, and are no client's to choose. */
const ALIAS = /^(?!p[A-Za-z0-9_-]{22}$)[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

interface Named {
  model?: string;
  alias?: string;
}

@ApiTags('durable predictions')
@Controller('v1')
export class SubmissionsController {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly answer: DurableAnswer,
  ) {}

  @Post('predictions')
  @RouteConfig({ body: 'json' })
  @DescribeSubmission({ summary: 'Submit a prediction that is kept', operationId: 'createPrediction', path: [] })
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.submit(request, reply, {});
  }

  @Put('predictions/:id')
  @RouteConfig({ body: 'json' })
  @DescribeSubmission({ summary: 'Submit under an id of your own', operationId: 'putPrediction', path: ['id'] })
  put(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') alias: string): Promise<void> {
    if (ALIAS.test(alias)) return this.submit(request, reply, { alias });
    throw new SluiceError(
      'INPUT_INVALID',
      `The id is ${JSON.stringify(alias.slice(0, 60))}; up to 128 of letters, digits and "._~-", a letter or digit first, and not of the form of ours, were expected.`,
    );
  }

  @Post('models/:model/predictions')
  @RouteConfig({ body: 'json' })
  @DescribeSubmission({ summary: 'The same for one model', operationId: 'createModelPrediction', path: ['model'] })
  ofModel(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('model') model: string): Promise<void> {
    return this.submit(request, reply, { model });
  }

  @Post('models/:owner/:model/predictions')
  @RouteConfig({ body: 'json' })
  @DescribeSubmission({
    summary: 'The same as Replicate writes it; the owner may be anything',
    operationId: 'createOwnedModelPrediction',
    path: ['owner', 'model'],
  })
  ofOwned(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('model') model: string): Promise<void> {
    return this.submit(request, reply, { model });
  }

  private async submit(request: FastifyRequest, reply: FastifyReply, named: Named): Promise<void> {
    const { model, alias } = named;
    const bytes = request.body as Body;
    const body = durableBody(parseJson(joined(bytes)));
    checkPath(body, named);
    const wanted = { model: model ?? body.model, version: body.version };
    await this.answer.submit({
      request,
      reply,
      ...wanted,
      content: { kind: 'json', bytes },
      read: () => {
        const { description } = this.catalog.resolveKept(wanted.model, wanted.version, chanceOf(request.headers));
        return { description, input: inputOfBody(body, description) };
      },
      webhook: body,
      alias,
      waitMs: 0,
      layout: 'object',
    });
  }
}
