/**
 * Every failure that Sluice names, with its stable code. Codes are never reused or renamed.
 *
 * Invariants: the sentence says what came, what was expected and what to do; it holds no path, stack or secret,
 * for it is shown to callers. The HTTP status of a code is decided in the gateway's problem filter alone.
 * docs/errors.md lists the same codes; a test compares the two.
 */
export const ERROR_CODES = [
  'BODY_MALFORMED',
  'BODY_EMPTY',
  'BODY_LENGTH_REQUIRED',
  'BODY_TOO_LARGE',
  'BODY_ENCODING_UNSUPPORTED',
  'MEDIA_TYPE_UNSUPPORTED',
  'MULTIPART_MALFORMED',
  'JSON_MALFORMED',
  'JSON_TOO_DEEP',
  'HEADER_INVALID',
  'FEATURE_UNAVAILABLE',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'MODEL_NOT_FOUND',
  'MODEL_NOT_READY',
  'INPUT_INVALID',
  'IMAGE_UNDECODABLE',
  'IMAGE_TOO_LARGE',
  'IMAGE_FORMAT_UNSUPPORTED',
  'MODEL_RUN_FAILED',
  'INPUT_POISONOUS',
  'PAYLOAD_LOST',
  'CAPACITY_EXHAUSTED',
  'STORAGE_FULL',
  'QUEUE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CALLER_GONE',
  'KEY_REQUIRED',
  'SCOPE_REQUIRED',
  'ADMIN_ELSEWHERE',
  'PREDICTION_NOT_FOUND',
  'BATCH_NOT_FOUND',
  'DELIVERY_NOT_FOUND',
  'ENDPOINT_NOT_FOUND',
  'IDEMPOTENCY_CONFLICT',
  'STATE_CONFLICT',
  'INPUT_REMOVED',
  'WORKER_LOST',
  'WEBHOOK_REFUSED',
  'WEBHOOK_UNSIGNED',
  'WEBHOOK_DISABLED',
  'PACKAGE_INVALID',
  'PACKAGE_SOURCE_REFUSED',
  'PACKAGE_SOURCE_FAILED',
  'PACKAGE_NOT_FOUND',
  'VERSION_CONFLICT',
  'VERIFICATION_FAILED',
  'VERSION_REMOVED',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

const KNOWN = new Set<string>(ERROR_CODES);

export function isErrorCode(code: string): code is ErrorCode {
  return KNOWN.has(code);
}

/**
 * Failures that another try may mend: nothing in them says that the input is to blame. A run that throws is among them,
 * for onnxruntime says the same of a bad value and of memory that was short for a moment.
 */
const PASSING = new Set<ErrorCode>(['MODEL_RUN_FAILED', 'MODEL_NOT_READY', 'QUEUE_UNAVAILABLE', 'INTERNAL']);

export function mayPass(code: ErrorCode): boolean {
  return PASSING.has(code);
}

/** A failure that the caller may see. `message` is one to three sentences without internals. */
export class SluiceError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** `members` go into the answer beside the usual ones. */
    readonly details: { retryAfterSeconds?: number; allow?: string; members?: Record<string, string | number> } = {},
  ) {
    super(message);
    this.name = 'SluiceError';
  }
}

/** What of any thrown value may be told: a named failure as it is, all else as INTERNAL without its text. */
export function toSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  return new SluiceError(
    'INTERNAL',
    'The service failed in a way it did not expect. The log has it under this request id.',
  );
}
