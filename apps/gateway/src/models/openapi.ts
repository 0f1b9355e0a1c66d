/** What /docs says of the routes by which models are managed. */
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { problems, TEXT, type Described } from '../durable/openapi.js';

const NUMBER = { type: 'number' as const };
const OBJECT = { type: 'object' as const };
const NULLABLE = { ...OBJECT, nullable: true };
const STATES = ['registered', 'verifying', 'available', 'loading', 'ready', 'draining', 'unloaded', 'failed'];

const VERSION = {
  type: 'object' as const,
  required: ['name', 'version', 'state', 'source'],
  properties: {
    name: TEXT,
    version: TEXT,
    state: { ...TEXT, enum: STATES },
    reason: { ...TEXT, description: 'Why it is in this state' },
    servable: { type: 'boolean' as const },
    source: { ...TEXT, description: '`upload`, `path`, a URL, or `worker`: from a folder of a worker, not registered' },
    desired: { ...TEXT, enum: ['loaded', 'unloaded'] },
    digest: TEXT,
    bytes: NUMBER,
    by: { ...TEXT, description: 'Owner of the key that registered it' },
    created_at: TEXT,
    task: TEXT,
    workers_ready: NUMBER,
    slots: NUMBER,
  },
};
const DETAILED = {
  ...VERSION,
  properties: {
    ...VERSION.properties,
    named_by: { type: 'array' as const, items: TEXT },
    description: { ...OBJECT, description: 'Inputs, outputs and batching, as it is served' },
    batching: { ...OBJECT, description: 'Limits that were set over those of the package' },
    facts: { ...NULLABLE, description: 'What its verification found that serving depends on' },
    alpha_ms: { ...NUMBER, nullable: true },
    beta_ms: { ...NUMBER, nullable: true },
    workers: { type: 'array' as const, items: OBJECT },
    errors: { type: 'array' as const, items: OBJECT, description: 'As this gateway saw them' },
    manifest: OBJECT,
    files: { type: 'array' as const, items: OBJECT },
    report: NULLABLE,
  },
};
const MODEL = {
  type: 'object' as const,
  required: ['name', 'versions'],
  properties: {
    name: TEXT,
    default: { ...TEXT, nullable: true },
    aliases: { type: 'object' as const, additionalProperties: TEXT },
    split: { type: 'array' as const, nullable: true, items: OBJECT },
    shadow: NULLABLE,
    versions: { type: 'array' as const, items: VERSION },
  },
};
const REGISTERED = {
  type: 'object' as const,
  required: ['name', 'version', 'digest', 'state', 'href'],
  properties: {
    name: TEXT,
    version: TEXT,
    digest: TEXT,
    state: TEXT,
    notes: { type: 'array' as const, items: TEXT },
    href: TEXT,
  },
};

const ANSWERS = { model: MODEL, version: VERSION, details: DETAILED };

export interface DescribedOperation extends Described {
  answers?: keyof typeof ANSWERS;
  query?: string[];
  /** Members of the body's object, and what they are. */
  body?: Record<string, object>;
}

/** Routes that read or change models. */
export function DescribeModels({
  summary,
  operationId,
  path = [],
  query = [],
  body,
  answers,
}: DescribedOperation): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary, operationId }),
    ...path.map((name) => ApiParam({ name, schema: TEXT })),
    ...query.map((name) => ApiQuery({ name, required: false, schema: TEXT })),
    ...(body ? [ApiBody({ schema: { type: 'object', properties: body } })] : []),
    ...(answers ? [ApiResponse({ status: 200, description: 'As it is now', schema: ANSWERS[answers] })] : []),
    problems(401, 403, 404, 409, 422, 503),
  );
}

export function DescribeRegister(): MethodDecorator {
  const binary = { schema: { type: 'string' as const, format: 'binary' } };
  const where = { path: TEXT, url: TEXT, sha256: TEXT };
  return applyDecorators(
    ApiOperation({
      summary: 'Register a version: an archive, a model file, or where one is',
      operationId: 'registerModel',
    }),
    ApiConsumes('application/zip', 'application/gzip', 'application/octet-stream', 'application/json'),
    ApiBody({
      required: true,
      content: {
        'application/zip': binary,
        'application/gzip': binary,
        'application/octet-stream': binary,
        'application/json': { schema: { type: 'object', properties: where } },
      },
    } as never),
    ...['name', 'version', 'default', 'load'].map((name) => ApiQuery({ name, required: false, schema: TEXT })),
    ApiHeader({ name: 'Prefer', required: false, description: '`wait=n`: answer when it is verified', schema: TEXT }),
    ApiResponse({ status: 200, description: 'It was registered before', schema: REGISTERED }),
    ApiResponse({ status: 201, description: 'Waited for: verified', schema: REGISTERED }),
    ApiResponse({ status: 202, description: 'Registered, to be verified; see Location', schema: REGISTERED }),
    problems(400, 401, 403, 409, 413, 415, 422, 502, 503),
  );
}
