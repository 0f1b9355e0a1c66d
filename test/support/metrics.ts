/** Single values out of a process' /metrics. */
import { ask } from './http.js';
import type { Child } from './child.js';

/** The value of the first series of `name` whose labels include all of `labels`; 0 where there is none yet. */
export async function metric(url: string, name: string, labels: Record<string, string> = {}): Promise<number> {
  const { text } = await ask(`${url}/metrics`, { method: 'GET' });
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && wanted.every((label) => each.includes(label)));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Where a worker serves its health and metrics, as it has logged it. */
export function opsUrl(worker: Child): string {
  const [, url] = /"ops":"([^"]+)"/.exec(worker.log) ?? [];
  if (url === undefined) throw new Error('the worker has not logged its address yet');
  return url;
}
