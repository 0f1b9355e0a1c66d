/** Bulk runs as callers see them. */
import { request } from 'node:http';
import { ask, type Answer } from './http.js';
import { until } from './until.js';

export interface ResultLine {
  row: number;
  custom_id?: string;
  name?: string;
  status: string;
  output?: ReturnType<typeof JSON.parse>;
  error?: { code: string; message: string };
}

export function sendRows(url: string, lines: readonly string[], headers: Record<string, string> = {}): Promise<Answer> {
  const body = lines.map((line) => `${line}\n`).join('');
  return ask(url, { headers: { 'content-type': 'application/jsonl', ...headers }, body });
}

/** Sends chunked, and hangs up once `committed` says that as many rows are safe. */
export async function breakOff(url: string, lines: readonly string[], enough: () => Promise<boolean>): Promise<void> {
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/jsonl' } });
  sent.on('error', () => undefined);
  for (const line of lines) sent.write(`${line}\n`);
  // Half a line, which must not become a row.
  sent.write('{"input": [1, 2');
  await until('rows are committed', enough);
  sent.destroy();
}

export async function results(batchUrl: string, query = ''): Promise<ResultLine[]> {
  const text = await (await fetch(`${batchUrl}/results${query}`)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultLine);
}

export async function ended(batchUrl: string, withinMs?: number): Promise<Answer['json']> {
  let batch: Answer['json'];
  await until(
    `${batchUrl} has ended`,
    async () => {
      batch = (await ask(batchUrl, { method: 'GET' })).json;
      return batch.completed_at !== null;
    },
    withinMs,
  );
  return batch;
}
