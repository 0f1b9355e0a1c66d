/** Routes to the rows of a bulk run: where each stands, and what came out. */
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { ownerOf } from '../http/owner.js';
import { BatchResults } from './batch-results.js';
import { BatchesService } from './batches.service.js';
import { DescribeRecord } from '../durable/openapi.js';
import { parseQuery } from '../http/query.js';

const row = z.coerce.number().int().nonnegative().default(0);
const pageQuery = z.strictObject({ cursor: row, limit: z.coerce.number().int().min(1).max(1_000).default(100) });
const resultsQuery = z.strictObject({ from: row, ended: z.enum(['true', 'false']).default('false') });

@ApiTags('bulk runs')
@Controller('v1/batches/:id')
export class BatchResultsController {
  constructor(
    private readonly batches: BatchesService,
    private readonly results: BatchResults,
  ) {}

  @Get('rows')
  @DescribeRecord({ summary: 'Where the rows of a bulk run stand', operationId: 'listRows', path: ['id'] })
  async rows(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const { cursor, limit } = parseQuery(pageQuery, request.query as Record<string, string>);
    const batch = await this.batches.read(ownerOf(request), id);
    const { rows, next } = await this.results.page(batch.id, { row: cursor, limit });
    void reply.send({ results: rows, next: next ?? null });
  }

  /** While it runs as well: each line says where its row stands, and `ended` ends before the first that has not ended. */
  @Get('results')
  @DescribeRecord({
    summary: 'What came out, as JSON lines in the order of the rows',
    operationId: 'getResults',
    path: ['id'],
  })
  async lines(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query() query: Record<string, string>,
  ): Promise<void> {
    const { from, ended } = parseQuery(resultsQuery, query);
    const { id } = request.params as { id: string };
    const batch = await this.batches.read(ownerOf(request), id);
    const wanted = { row: from, endedOnly: ended === 'true' };
    // Of what answers a HEAD Fastify would read all lines, and drop them.
    const lines = request.method === 'HEAD' ? [] : this.results.lines(batch.id, wanted);
    await reply
      .type('application/jsonl; charset=utf-8')
      .send(Readable.from(lines, { objectMode: true, highWaterMark: 1 }));
  }
}
