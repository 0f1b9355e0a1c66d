/** What /docs says of the routes of bulk runs. */
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { problems, TEXT, type Described } from '../durable/openapi.js';

const COUNT = { type: 'integer' as const };
const COUNTS = ['starting', 'processing', 'succeeded', 'failed', 'canceled', 'aborted'];
const BATCH = {
  type: 'object' as const,
  required: ['id', 'model', 'version', 'status', 'committed', 'rows', 'urls'],
  properties: {
    id: TEXT,
    model: TEXT,
    version: TEXT,
    status: { ...TEXT, enum: ['open', 'processing', 'completed', 'canceling', 'canceled'] },
    committed: { ...COUNT, description: 'Rows that are safe; an upload that broke goes on there' },
    rows: { type: 'object' as const, properties: Object.fromEntries(COUNTS.map((name) => [name, COUNT])) },
    created_at: TEXT,
    started_at: { ...TEXT, nullable: true },
    completed_at: { ...TEXT, nullable: true },
    eta_ms: { ...COUNT, nullable: true },
    webhook: { ...TEXT, nullable: true },
    urls: { type: 'object' as const },
  },
};
const BODY = { schema: { type: 'string' as const, format: 'binary' } };

/** Routes that take rows. */
export function DescribeRows({ summary, operationId, path = [] }: Described): MethodDecorator {
  const queries = path.length === 0 ? ['model', 'version', 'seal'] : ['from', 'seal'];
  const headers = path.length === 0 ? ['Webhook-URL', 'Idempotency-Key'] : [];
  return applyDecorators(
    ApiOperation({ summary, operationId }),
    ApiConsumes('application/jsonl', 'application/zip'),
    ApiBody({ required: false, content: { 'application/jsonl': BODY, 'application/zip': BODY } } as never),
    ...path.map((name) => ApiParam({ name, schema: TEXT })),
    ...queries.map((name) => ApiQuery({ name, required: false, schema: TEXT })),
    ...headers.map((name) => ApiHeader({ name, required: false, schema: TEXT })),
    ApiResponse({ status: 202, description: 'Committed; see Location', schema: BATCH }),
    problems(400, 404, 409, 413, 415, 422, 503),
  );
}
