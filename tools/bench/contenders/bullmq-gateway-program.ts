/** Entry: the HTTP end of the one-job-per-request comparison. */
import { Queue, QueueEvents } from 'bullmq';
import { childSettings, endWithParent, tellParent } from '../processes/child-side.js';
import { connectionTo, QUEUE_NAME, toJobData, type JobData } from './bullmq-job.js';
import type { FromProgram, ProgramSettings } from './contender.js';
import { listen } from './http-front.js';

const TIMEOUT_MS = 30_000;
/** Removed at once, a job that is done before `waitUntilFinished` looks for it is an error: "Missing key for job". */
const KEPT = { count: 1_000 };

const { redisUrl } = childSettings() as ProgramSettings;
endWithParent();
const connection = connectionTo(redisUrl);
const queue = new Queue<JobData, unknown, 'predict'>(QUEUE_NAME, { connection });
const events = new QueueEvents(QUEUE_NAME, { connection });
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

const port = await listen(async (body) => {
  const job = await queue.add('predict', toJobData(body), { removeOnComplete: KEPT, removeOnFail: KEPT });
  return job.waitUntilFinished(events, TIMEOUT_MS);
});
tellParent({ kind: 'ready', port } satisfies FromProgram);
