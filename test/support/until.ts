/** Waits for something observable from outside a process, which sends no event: asks again until it is so. */
import { setTimeout as sleep } from 'node:timers/promises';

const ASK_AGAIN_MS = 50;

export async function until(what: string, is: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = Date.now() + withinMs;
  let last = '';
  while (Date.now() < end) {
    try {
      if (await is()) return;
    } catch (error) {
      last = ` (${error instanceof Error ? error.message : 'thrown'})`;
    }
    await sleep(ASK_AGAIN_MS);
  }
  throw new Error(`not within ${withinMs} ms: ${what}${last}`);
}
