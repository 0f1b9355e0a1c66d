/**
 * Every failure on its way out: what was thrown becomes a problem+json answer. Fastify's and Nest's own errors are
 * named here; what nobody named is INTERNAL, logged in full and told without a word of it.
 */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';
import { SluiceError, toSluiceError, type ErrorCode, type Logger } from '#inference';
import { problemOf } from './problem.js';

const PREDICT_ROUTE = /^\/predict(\/|\?|$)/;
const MAX_SHOWN_URL = 100;

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Logger,
    private readonly maxBodyBytes: number,
    private readonly problems: Counter<'code'>,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    if (reply.sent || reply.raw.destroyed) return;
    const health = healthReport(thrown);
    if (health) {
      void reply.status(health.status).send(health.body);
      return;
    }
    this.answer(thrown, request, reply);
  }

  /** Also of a request that no route was found for. */
  answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = this.named(thrown, request);
    const problem = problemOf(error, request.id);
    // Every 503 says when; what knows no better means soon.
    const soon = problem.status === 503 ? 1 : undefined;
    const retryAfter = error.details.retryAfterSeconds ?? soon;
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
    this.problems.inc({ code: error.code });
    void reply.header('x-request-id', request.id);
    if (error.details.allow !== undefined) void reply.header('allow', error.details.allow);
    // The rest of a refused body is not worth reading: the connection ends with this answer.
    if ([401, 403, 411, 413, 501].includes(problem.status) || error.code === 'MULTIPART_MALFORMED')
      void reply.header('connection', 'close');
    void reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }

  private named(thrown: unknown, request: FastifyRequest): SluiceError {
    if (thrown instanceof SluiceError) return thrown;
    const code = (thrown as { code?: unknown }).code;
    if (typeof code === 'string') {
      const known = this.framework(code, thrown);
      if (known) return known;
    }
    // Forbidden is what the file server of /docs says of a path that leads out of its folder: nothing is there.
    if (thrown instanceof HttpException && [403, 404].includes(thrown.getStatus())) return notFound(request);
    const status = (thrown as { statusCode?: unknown }).statusCode;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return new SluiceError('BODY_MALFORMED', 'The request could not be read. Check its headers and its body.');
    }
    this.log.error({ err: thrown, request: request.id }, 'unexpected failure');
    return toSluiceError(thrown);
  }

  private framework(code: string, thrown: unknown): SluiceError | undefined {
    const found = FRAMEWORK_CODES[code];
    if (found) return new SluiceError(found.code, found.message);
    if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' || code === 'FST_REQ_FILE_TOO_LARGE') {
      return new SluiceError('BODY_TOO_LARGE', `The body is larger than the ${this.maxBodyBytes} bytes allowed.`);
    }
    // What a multipart parser throws has many names and always means the same to the caller.
    if (code.startsWith('FST_') && (thrown as Error).message.toLowerCase().includes('multipart')) {
      return new SluiceError(
        'MULTIPART_MALFORMED',
        'The form could not be read. Send multipart/form-data with one part named "file".',
      );
    }
    return undefined;
  }
}

const FRAMEWORK_CODES: Record<string, { code: ErrorCode; message: string }> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BODY_MALFORMED',
    message: 'The body ended before, or went on after, its Content-Length.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'MEDIA_TYPE_UNSUPPORTED',
    message: 'Send image/*, application/octet-stream, multipart/form-data or application/json.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    code: 'ROUTE_NOT_FOUND',
    message: 'A part of the path is longer than any name or id. /docs lists what there is.',
  },
  FST_ERR_BAD_URL: { code: 'BODY_MALFORMED', message: 'The URL is not valid: check its percent-encoding.' },
  ECONNRESET: { code: 'CALLER_GONE', message: 'The caller left.' },
  ECONNABORTED: { code: 'CALLER_GONE', message: 'The caller left.' },
};

function notFound(request: FastifyRequest): SluiceError {
  if (PREDICT_ROUTE.test(request.url) && request.method !== 'POST') {
    return new SluiceError('METHOD_NOT_ALLOWED', `${request.method} is not possible here; predictions are POSTed.`, {
      allow: 'POST',
    });
  }
  const [path = ''] = request.url.split('?');
  const shown = path.length > MAX_SHOWN_URL ? `${path.slice(0, MAX_SHOWN_URL)}…` : path;
  return new SluiceError('ROUTE_NOT_FOUND', `There is no ${request.method} ${shown}. /docs lists what there is.`);
}

/** Terminus throws its report as a 503; it goes out as it is. */
function healthReport(thrown: unknown): { status: number; body: object } | undefined {
  if (!(thrown instanceof HttpException)) return undefined;
  const body = thrown.getResponse();
  const isReport = typeof body === 'object' && 'status' in body && 'info' in body;
  return isReport ? { status: thrown.getStatus(), body } : undefined;
}
