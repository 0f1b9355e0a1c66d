/** Durable predictions as callers see them. */
import { ask, type Answer } from './http.js';
import { until } from './until.js';

/** The object once it has ended. */
export async function endOf(gateway: string, id: string): Promise<Answer['json']> {
  let last: Answer['json'];
  await until(`${id} has ended`, async () => {
    last = (await ask(`${gateway}/v1/predictions/${id}`, { method: 'GET' })).json;
    return last.completed_at !== null;
  });
  return last;
}
