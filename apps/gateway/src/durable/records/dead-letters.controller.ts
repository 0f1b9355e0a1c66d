/** Dead letters of one owner: what was tried in vain, ended an executor, or was lost with its workers too often. */
import { Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import { ownerOf } from '../../http/owner.js';
import { DurableAnswer } from '../durable-answer.js';
import { DeadLetters } from './dead-letters.js';
import { predictionJson } from '../prediction-object.js';
import { DescribeRecord } from '../openapi.js';

const JSON_TYPE = 'application/json; charset=utf-8';

@ApiTags('dead letters')
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(
    private readonly letters: DeadLetters,
    private readonly answer: DurableAnswer,
  ) {}

  @Get()
  @DescribeRecord({ summary: 'List dead letters, the oldest first', operationId: 'listDeadLetters' })
  async list(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('offset') offset: string | undefined,
  ): Promise<void> {
    const base = this.answer.base(request);
    const { total, records } = await this.letters.list(ownerOf(request), number(offset));
    const results = records.map((record) => predictionJson({ record, base }));
    void reply.type(JSON_TYPE).send(`{"total":${total},"results":[${results.join(',')}]}`);
  }

  /** At most so many a call; `remaining` says whether to call again, with the sum of `refused` as `offset`. */
  @Post('redrive')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Run all dead letters again', operationId: 'redriveDeadLetters' })
  async redriveAll(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('offset') offset: string | undefined,
  ): Promise<void> {
    void reply.send(await this.letters.redriveAll(ownerOf(request), number(offset)));
  }

  @Post(':id/redrive')
  @HttpCode(HttpStatus.ACCEPTED)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Run one dead letter again', operationId: 'redriveDeadLetter', path: ['id'] })
  async redrive(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const record = await this.letters.redrive(ownerOf(request), id);
    void reply
      .status(HttpStatus.ACCEPTED)
      .type(JSON_TYPE)
      .send(await this.answer.object(request, record));
  }

  @Delete()
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Forget all dead letters; the predictions stay failed', operationId: 'purgeDeadLetters' })
  async purgeAll(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    void reply.send(await this.letters.purgeAll(ownerOf(request)));
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RouteConfig({ body: 'control' })
  @DescribeRecord({ summary: 'Forget one dead letter', operationId: 'purgeDeadLetter', path: ['id'] })
  async purge(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    await this.letters.purge(ownerOf(request), id);
    void reply.status(HttpStatus.NO_CONTENT).send();
  }
}

function number(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new SluiceError('INPUT_INVALID', `offset is ${JSON.stringify(text.slice(0, 40))}; a number was expected.`);
}
