/**
 * What becomes of a job that a worker has taken: it is done, or another's, for whom it waits again at once. A lock that
 * runs out would take seconds, and count as a death.
 */
import { WaitingError, type Job } from 'bullmq';

export type JobOutcome = 'settled' | 'given back';

/** The end of a processor. @throws WaitingError, by which BullMQ knows that the job is not done. */
export async function ended(job: Job, token: string | undefined, outcome: JobOutcome): Promise<null> {
  if (outcome === 'settled') return null;
  await job.moveToWait(token);
  throw new WaitingError();
}
