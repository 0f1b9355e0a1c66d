/** What a submission is told that is not taken. */
import { SluiceError } from '#inference';

export const FULL_RETRY_SECONDS = 30;

export function conflict(): SluiceError {
  return new SluiceError(
    'IDEMPOTENCY_CONFLICT',
    'This Idempotency-Key, or this id of your own, was used for another request. Use a new one for a new request.',
  );
}

/** Only more workers, or receivers that answer, make room. */
export function full(pendingBytes: number, budget: number): SluiceError {
  return new SluiceError(
    'STORAGE_FULL',
    `Predictions that have not ended, or not been told, hold ${pendingBytes} of ${budget} bytes. Try again later, or add workers.`,
    { retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}

/** The sweep is behind. */
export function crowded(): SluiceError {
  return new SluiceError(
    'STORAGE_FULL',
    'What has ended is being removed to make room, and more comes than goes. Try again in a moment.',
    { retryAfterSeconds: 1 },
  );
}

export function unknownFate(): SluiceError {
  return new SluiceError(
    'QUEUE_UNAVAILABLE',
    'The queue did not answer, so it is not known whether this prediction was kept. Send it again with the same Idempotency-Key, which keeps it from running twice.',
    { retryAfterSeconds: 2 },
  );
}
