/** What /docs says of the routes of durable predictions. */
import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { ProblemDetails } from '../predictions/openapi.js';

export interface Described {
  summary: string;
  operationId: string;
  path?: string[];
}

export const TEXT = { type: 'string' as const };
const HEADERS: Record<string, string> = {
  Prefer: '`respond-async` for a 202 at once, `wait=n` (1 to 60 seconds; bare: 60) to wait for the end',
  'Idempotency-Key': 'The same key and request give the same prediction, for 24 hours',
  'Cancel-After': 'How long it may take, such as `30s` or `5m`; then it is aborted, or canceled if it runs',
  'Webhook-URL': 'Who is told; in JSON `webhook`',
  'Webhook-Events': 'Some of `start`, `completed`, by comma; in JSON `webhook_events_filter`',
};
const OBJECT = {
  type: 'object' as const,
  required: ['id', 'model', 'version', 'status', 'created_at', 'urls'],
  properties: {
    id: TEXT,
    model: TEXT,
    version: { ...TEXT, description: '`<model>:<version>`; enough to name it' },
    status: { ...TEXT, enum: ['starting', 'processing', 'succeeded', 'failed', 'canceled'] },
    state: { ...TEXT, description: 'The status exactly: `aborted` for what never started in its time' },
    input: {},
    output: {},
    error: { ...TEXT, nullable: true, description: 'The stable code and what it means' },
    error_code: { ...TEXT, nullable: true },
    attempts: { type: 'integer' as const },
    created_at: TEXT,
    started_at: { ...TEXT, nullable: true },
    completed_at: { ...TEXT, nullable: true },
    data_removed: { type: 'boolean' as const },
    metrics: { type: 'object' as const },
    queue: { type: 'object' as const, nullable: true },
    urls: { type: 'object' as const },
  },
};

export function DescribeSubmission({ summary, operationId, path = [] }: Described): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary, operationId }),
    ...path.map((name) => ApiParam({ name, schema: TEXT })),
    ...Object.entries(HEADERS)
      .slice(0, 3)
      .map(([name, description]) => ApiHeader({ name, required: false, description, schema: TEXT })),
    ApiBody({
      schema: {
        type: 'object',
        properties: {
          model: TEXT,
          version: TEXT,
          input: {},
          inputs: { type: 'array', items: {} },
          tensors: { type: 'object', additionalProperties: true },
          webhook: TEXT,
          webhook_events_filter: { type: 'array', items: { type: 'string', enum: ['start', 'completed'] } },
        },
      },
    }),
    ApiResponse({ status: 201, description: 'Submitted and ended', schema: OBJECT }),
    ApiResponse({ status: 202, description: 'Kept; see Location', schema: OBJECT }),
    problems(400, 404, 413, 422, 503),
  );
}

export function DescribeRecord({ summary, operationId, path = [] }: Described): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary, operationId }),
    ...path.map((name) => ApiParam({ name, schema: TEXT })),
    problems(404, 503),
  );
}

/** Headers that make a prediction on /predict a durable one. */
export function DescribeDurableHeaders(): MethodDecorator {
  return applyDecorators(
    ...Object.entries(HEADERS).map(([name, description]) =>
      ApiHeader({ name, required: false, description, schema: TEXT }),
    ),
    ApiResponse({ status: 202, description: 'With Prefer: kept, and not ended yet; see Location', schema: OBJECT }),
  );
}

export function problems(...statuses: number[]): MethodDecorator {
  const content = { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDetails) } } };
  return applyDecorators(
    ApiExtraModels(ProblemDetails),
    ...statuses.map((status) => ApiResponse({ status, description: 'A problem with a stable code', content })),
  );
}
