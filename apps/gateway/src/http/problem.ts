/** RFC 9457 problems: the one place where an error code becomes an HTTP status. */
import type { ErrorCode, SluiceError } from '#inference';

export const STATUS: Record<ErrorCode, number> = {
  BODY_MALFORMED: 400,
  BODY_EMPTY: 400,
  BODY_LENGTH_REQUIRED: 411,
  BODY_TOO_LARGE: 413,
  BODY_ENCODING_UNSUPPORTED: 415,
  MEDIA_TYPE_UNSUPPORTED: 415,
  MULTIPART_MALFORMED: 400,
  JSON_MALFORMED: 400,
  JSON_TOO_DEEP: 400,
  HEADER_INVALID: 400,
  FEATURE_UNAVAILABLE: 501,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  MODEL_NOT_FOUND: 404,
  MODEL_NOT_READY: 503,
  INPUT_INVALID: 422,
  IMAGE_UNDECODABLE: 422,
  IMAGE_TOO_LARGE: 422,
  IMAGE_FORMAT_UNSUPPORTED: 415,
  MODEL_RUN_FAILED: 422,
  INPUT_POISONOUS: 500,
  PAYLOAD_LOST: 503,
  CAPACITY_EXHAUSTED: 503,
  STORAGE_FULL: 503,
  QUEUE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  // Nobody is left to read it; nginx' number for the log's sake.
  CALLER_GONE: 499,
  KEY_REQUIRED: 401,
  SCOPE_REQUIRED: 403,
  ADMIN_ELSEWHERE: 403,
  PREDICTION_NOT_FOUND: 404,
  BATCH_NOT_FOUND: 404,
  DELIVERY_NOT_FOUND: 404,
  ENDPOINT_NOT_FOUND: 404,
  IDEMPOTENCY_CONFLICT: 422,
  STATE_CONFLICT: 409,
  INPUT_REMOVED: 410,
  WORKER_LOST: 500,
  WEBHOOK_REFUSED: 422,
  WEBHOOK_UNSIGNED: 422,
  WEBHOOK_DISABLED: 422,
  PACKAGE_INVALID: 422,
  PACKAGE_SOURCE_REFUSED: 422,
  PACKAGE_SOURCE_FAILED: 502,
  PACKAGE_NOT_FOUND: 404,
  VERSION_CONFLICT: 409,
  VERIFICATION_FAILED: 422,
  VERSION_REMOVED: 410,
  INTERNAL: 500,
};

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  request_id: string;
  [more: string]: string | number;
}

export function problemOf(error: SluiceError, requestId: string): Problem {
  return {
    type: `urn:sluice:error:${error.code}`,
    title: error.code
      .toLowerCase()
      .replaceAll('_', ' ')
      .replace(/^./, (letter) => letter.toUpperCase()),
    status: STATUS[error.code],
    code: error.code,
    detail: error.message,
    request_id: requestId,
    ...error.details.members,
  };
}
