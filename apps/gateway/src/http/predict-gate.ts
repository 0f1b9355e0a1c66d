/**
 * What is decided about a request with a body from its headers alone, before a byte of the body is read: method of
 * transfer, size, media type, and whether there is room. Refusing here costs the caller no upload.
 *
 * A route says in its config (`@RouteConfig({ body })`) what body it takes; one that says nothing takes a model's input, and one
 * that says `refuses` none.
 * Invariant: a permit taken here is released when the response is over, however it ends.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '#inference';
import type { GatewayContext } from '../context.js';
import type { Admission } from '../predictions/admission.js';

/**
 * `input`: what a model is given, for which a permit is taken; `json`: a model's input in JSON and nothing else;
 * `control`: nothing, or a little JSON, which is let in even when the gateway is full; `rows`: rows of a bulk run, which
 * are read as fast as they can be kept, so that they may be many, come chunked and take their time; `package`: a model
 * package in the same way, or a little JSON that says where it is.
 */
export type BodyKind = 'input' | 'json' | 'control' | 'rows' | 'package';

/** Bodies of rows, by media type. */
export const ROW_LINES = new Set(['application/jsonl', 'application/x-ndjson', 'application/x-jsonlines']);
export const ROW_ARCHIVES = new Set(['application/zip', 'application/x-zip-compressed']);

/** Bodies of packages, by media type; what one is shows in its first bytes. */
const PACKAGES = new Set([
  ...ROW_ARCHIVES,
  'application/gzip',
  'application/x-gzip',
  'application/x-tar',
  'application/octet-stream',
  'application/json',
  // What curl says of --data-binary when it is told nothing else.
  'application/x-www-form-urlencoded',
]);

export const MAX_CONTROL_BYTES = 65_536;
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

export function installPredictGate(app: FastifyInstance, context: GatewayContext, admission: Admission): void {
  app.addHook('onRequest', (request, reply, next) => {
    if (context.draining) void reply.header('connection', 'close');
    try {
      const kind = bodyKind(request);
      if (kind === undefined) return next();
      if (kind === 'control' || kind === 'package') {
        if (kind === 'control') checkControl(request);
        else checkPackage(request, context);
        return next();
      }
      if (kind === 'rows') checkRows(request, context);
      else check(request, context, kind);
      // Rows are never held as a whole.
      const release = admission.take(kind === 'rows' ? 0 : Number(request.headers['content-length']));
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

/** Undefined where no body is to be looked at. */
export function bodyKind({ method, routeOptions }: FastifyRequest): BodyKind | undefined {
  if (!WITH_BODY.has(method)) return undefined;
  const { body, refuses } = routeOptions.config as { body?: BodyKind; refuses?: string };
  if (refuses !== undefined) throw new SluiceError('FEATURE_UNAVAILABLE', refuses);
  return body ?? (method === 'POST' ? 'input' : undefined);
}

function checkControl({ headers }: FastifyRequest): void {
  if (headers['transfer-encoding'] !== undefined) {
    throw new SluiceError(
      'BODY_LENGTH_REQUIRED',
      'The body came chunked. Send it in one piece, with a Content-Length.',
    );
  }
  const length = Number(headers['content-length'] ?? 0);
  if (length > MAX_CONTROL_BYTES) {
    throw new SluiceError('BODY_TOO_LARGE', `The body has ${length} bytes; at most ${MAX_CONTROL_BYTES} are allowed.`);
  }
}

function checkRows(request: FastifyRequest, { config }: GatewayContext): void {
  checkEncoding(request);
  const { headers } = request;
  const length = Number(headers['content-length'] ?? 0);
  if (length > config.maxBatchBytes) throw rowsTooLarge(config.maxBatchBytes);
  const isThere = length > 0 || headers['transfer-encoding'] !== undefined;
  const kind = mediaType(headers['content-type']);
  if (!isThere || ROW_LINES.has(kind) || ROW_ARCHIVES.has(kind)) return;
  throw new SluiceError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The body is ${kind.slice(0, 60) || 'of no stated kind'}; application/jsonl or application/zip was expected.`,
  );
}

function checkPackage(request: FastifyRequest, { config }: GatewayContext): void {
  checkEncoding(request);
  const { headers } = request;
  const length = Number(headers['content-length'] ?? 0);
  if (length > config.maxPackageBytes) throw packageTooLarge(config.maxPackageBytes);
  if (length === 0 && headers['transfer-encoding'] === undefined) {
    throw new SluiceError('BODY_EMPTY', 'The body is empty; an archive, a model file or JSON was expected.');
  }
  const kind = mediaType(headers['content-type']);
  if (kind === '' || PACKAGES.has(kind)) return;
  throw new SluiceError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The body is ${kind.slice(0, 60)}; application/zip, application/gzip, application/octet-stream or application/json was expected.`,
  );
}

function checkEncoding({ headers }: FastifyRequest): void {
  if (headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity') return;
  throw new SluiceError(
    'BODY_ENCODING_UNSUPPORTED',
    'Bodies are taken as they are: send this one without Content-Encoding.',
  );
}

function check(request: FastifyRequest, { config }: GatewayContext, body: BodyKind): void {
  checkEncoding(request);
  const { headers } = request;
  const length = headers['content-length'];
  if (length === undefined) {
    throw new SluiceError(
      'BODY_LENGTH_REQUIRED',
      'The request has no Content-Length. Send the body in one piece, not chunked.',
    );
  }
  const kind = mediaType(headers['content-type']);
  if (body === 'json' && kind !== 'application/json') {
    throw new SluiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `The body is ${kind.slice(0, 60) || 'of no stated kind'}; application/json was expected. Other bodies go to /predict.`,
    );
  }
  if (!isAccepted(kind)) {
    throw new SluiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `The body is ${kind.slice(0, 60)}; image/*, text/plain, application/octet-stream, multipart/form-data or application/json was expected.`,
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
    throw new SluiceError('BODY_EMPTY', 'The body is empty; a picture, a text, a form or JSON was expected.');
}

export function rowsTooLarge(most: number): SluiceError {
  return new SluiceError('BODY_TOO_LARGE', `The body has more than ${most} bytes. Send the rest in further requests.`);
}

export function packageTooLarge(most: number): SluiceError {
  return new SluiceError('BODY_TOO_LARGE', `The package has more than ${most} bytes (SLUICE_MAX_PACKAGE_BYTES).`);
}

/** `image/png; x=y` → `image/png`; '' when there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function isAccepted(kind: string): boolean {
  return (
    kind === '' ||
    kind.startsWith('image/') ||
    kind === 'text/plain' ||
    kind === 'application/json' ||
    kind === 'application/octet-stream' ||
    kind === 'multipart/form-data' ||
    // What curl says of --data-binary when it is told nothing else.
    kind === 'application/x-www-form-urlencoded'
  );
}
