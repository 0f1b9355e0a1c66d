/** The job of the one-job-per-request comparison: a body as JSON, pictures in base64, as such services are written. */
import type { RequestBody } from './single-run.js';

export const QUEUE_NAME = 'predictions';

export type JobData = { input: unknown } | { image: string };

export function toJobData(body: RequestBody): JobData {
  return Buffer.isBuffer(body) ? { image: body.toString('base64') } : { input: body.input };
}

export function fromJobData(data: JobData): RequestBody {
  return 'image' in data ? Buffer.from(data.image, 'base64') : data;
}

export function connectionTo(redisUrl: string): { host: string; port: number; maxRetriesPerRequest: null } {
  const { hostname, port } = new URL(redisUrl);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}
