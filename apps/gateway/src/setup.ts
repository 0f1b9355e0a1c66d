/** The HTTP server itself: limits, parsers, error shape, documentation. */
import multipart from '@fastify/multipart';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NestLog, SluiceError } from '#inference';
import type { GatewayContext } from './context.js';
import { GatewayModule, type GatewayParts } from './gateway.module.js';
import { installAcceptFirst } from './http/accept-first.js';
import { installAdminGate, isOpened } from './http/admin-gate.js';
import { ApiKeys } from './http/api-keys.js';
import { installAcknowledge } from './http/acknowledge.js';
import { BODY_TIMEOUT_MS, installBodyTimeout, readBody } from './http/body.js';
import { installOwner } from './http/owner.js';
import { installPipelining } from './http/pipelining.js';
import { installPredictGate } from './http/predict-gate.js';
import { problemOf } from './http/problem.js';
import { ProblemFilter } from './http/problem.filter.js';
import { requestIdOf } from './http/request-id.js';
import { installSlowReaders } from './http/slow-readers.js';

/** A caller has this long for its headers: slower is an attack or a broken line. Bodies: http/body.ts. */
const HEADERS_TIMEOUT_MS = 5_000;
const TIMEOUT_CHECK_MS = 1_000;
/** Longer than the usual balancer's idle time, so that the balancer closes first. */
const KEEP_ALIVE_MS = 72_000;
const MAX_HEADER_BYTES = 8_192;
/** More than any name or id may have, so that routes refuse what is too long themselves. */
const MAX_PARAM_LENGTH = 256;
const FORM_LIMITS = { parts: 10, files: 2, fields: 8, fieldSize: 65_536, headerPairs: 32 };

export async function createGateway(parts: GatewayParts): Promise<NestFastifyApplication> {
  const { context, admission } = parts;
  const { maxBodyBytes, adminHost } = context.config;
  const keys = await openKeys(context);
  const problems = new ProblemFilter(context.log, maxBodyBytes, context.metrics.problems);
  const adapter = new FastifyAdapter({
    bodyLimit: maxBodyBytes,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    genReqId: requestIdOf,
    clientErrorHandler: refuseUnreadable,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // What the router cannot read has no route, and so neither hooks nor Nest's filters.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      problems.answer(error, request, reply),
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: 0,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.with(parts), adapter, {
    bodyParser: false,
    logger: new NestLog(context.log),
  });
  app.useGlobalFilters(problems);
  const fastify = adapter.getInstance<FastifyInstance>();
  installPipelining(fastify);
  installAcceptFirst(fastify);
  installSlowReaders(fastify);
  installOwner(fastify, keys);
  installAdminGate(fastify, { host: adminHost, hasKeys: keys !== undefined });
  installBodyTimeout(fastify);
  installPredictGate(fastify, context, admission);
  installAcknowledge(fastify, context);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', readBody);
  await fastify.register(multipart, { limits: { ...FORM_LIMITS, fileSize: maxBodyBytes } });
  document(app);
  return app;
}

async function openKeys({ config, log }: GatewayContext): Promise<ApiKeys | undefined> {
  const { apiKeysFile: file, adminHost } = config;
  const opened = isOpened(adminHost);
  if (file !== undefined) return ApiKeys.open({ file, log, needs: opened ? 'admin' : undefined });
  if (!opened) return undefined;
  throw new Error(
    `SLUICE_ADMIN_HOST=${adminHost} would let everybody manage models. Set SLUICE_API_KEYS to a file with a key of the scope admin first.`,
  );
}

function document(app: NestFastifyApplication): void {
  const description = new DocumentBuilder()
    .setTitle('Sluice')
    .setDescription('Predictions over a queue, in dynamic batches. Errors are RFC 9457 problems with a stable `code`.')
    .setVersion('0.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    jsonDocumentUrl: 'docs/openapi.json',
  });
}

/** What Node could not even parse as a request: there is no request to answer, only a socket. */
const refuseUnreadable: NonNullable<ConstructorParameters<typeof FastifyAdapter>[0]> extends {
  clientErrorHandler?: infer H;
}
  ? H
  : never = ((error: NodeJS.ErrnoException, socket: import('node:net').Socket) => {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return socket.destroy();
  const problem = problemOf(unreadable(error.code), requestIdOf({ headers: {} }));
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}) as never;

function unreadable(code: string | undefined): SluiceError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new SluiceError('REQUEST_TIMEOUT', `The request was not complete within ${BODY_TIMEOUT_MS / 1_000} s.`);
  }
  if (code === 'HPE_HEADER_OVERFLOW')
    return new SluiceError('HEADER_INVALID', `The headers are larger than ${MAX_HEADER_BYTES} bytes.`);
  return new SluiceError('BODY_MALFORMED', 'This is not an HTTP request that can be read.');
}
