/**
 * What is decided about a prediction request from its headers alone, before a byte of its body is read: method of
 * transfer, size, media type, features, and whether there is room. Refusing here costs the caller no upload.
 *
 * Invariant: a permit taken here is released when the response is over, however it ends.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import type { GatewayContext } from '../context.js';
import type { Admission } from '../predictions/admission.js';

/** Headers of the durable lane: silently doing without what they ask for would be a lie. */
const DURABLE_HEADERS = ['prefer', 'idempotency-key', 'webhook-url'] as const;

export function installPredictGate(app: FastifyInstance, context: GatewayContext, admission: Admission): void {
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header('x-request-id', request.id);
    if (context.draining) void reply.header('connection', 'close');
    if (request.method !== 'POST') return next();
    try {
      check(request, context);
      const release = admission.take(Number(request.headers['content-length']));
      reply.raw.once('close', release);
      next();
    } catch (error) {
      next(error as Error);
    }
  });
}

/** Calls back once if the caller leaves before the answer is out. */
export function goneFrom(reply: FastifyReply): { onGone(listener: () => void): void } {
  return {
    onGone: (listener) => {
      if (reply.raw.destroyed) listener();
      else {
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) listener();
        });
      }
    },
  };
}

function check(request: FastifyRequest, { config }: GatewayContext): void {
  const { headers } = request;
  for (const name of DURABLE_HEADERS) {
    if (headers[name] !== undefined) {
      throw new SluiceError(
        'FEATURE_UNAVAILABLE',
        `This build answers predictions only while the caller waits; leave the ${name} header out.`,
      );
    }
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new SluiceError(
      'BODY_ENCODING_UNSUPPORTED',
      'Bodies are taken as they are: send this one without Content-Encoding.',
    );
  }
  const length = headers['content-length'];
  if (length === undefined) {
    throw new SluiceError(
      'BODY_LENGTH_REQUIRED',
      'The request has no Content-Length. Send the body in one piece, not chunked.',
    );
  }
  const kind = mediaType(headers['content-type']);
  if (!isAccepted(kind)) {
    throw new SluiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `The body is ${kind.slice(0, 60)}; image/*, application/octet-stream, multipart/form-data or application/json was expected.`,
    );
  }
  const limit = kind === 'application/json' ? Math.min(config.maxJsonBytes, config.maxBodyBytes) : config.maxBodyBytes;
  if (Number(length) > limit) {
    throw new SluiceError(
      'BODY_TOO_LARGE',
      `The body has ${length} bytes; at most ${limit} are allowed for ${kind || 'this kind of body'}.`,
    );
  }
  if (Number(length) === 0)
    throw new SluiceError('BODY_EMPTY', 'The body is empty; a picture, a form or JSON was expected.');
}

/** `image/png; x=y` → `image/png`; '' when there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function isAccepted(kind: string): boolean {
  return (
    kind === '' ||
    kind.startsWith('image/') ||
    kind === 'application/json' ||
    kind === 'application/octet-stream' ||
    kind === 'multipart/form-data' ||
    // What curl says of --data-binary when it is told nothing else.
    kind === 'application/x-www-form-urlencoded'
  );
}
