/** Entry: the model's end of the one-job-per-request comparison. */
import { Worker } from 'bullmq';
import { childSettings, endWithParent, tellParent } from '../processes/child-side.js';
import { connectionTo, fromJobData, QUEUE_NAME, type JobData } from './bullmq-job.js';
import type { FromProgram, ProgramSettings } from './contender.js';
import { openSingleRun } from './single-run.js';

const { packageDir, threads, redisUrl, concurrency = 1 } = childSettings() as ProgramSettings;
endWithParent();
const predict = await openSingleRun(packageDir, threads);
const worker = new Worker<JobData, unknown, 'predict'>(QUEUE_NAME, (job) => predict(fromJobData(job.data)), {
  connection: connectionTo(redisUrl),
  concurrency,
});
worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
await worker.waitUntilReady();
tellParent({ kind: 'ready', port: 0 } satisfies FromProgram);
