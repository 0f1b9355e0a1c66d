/** Waits until the gateway's readiness route says yes, and tells every few seconds what it is still waiting for. */
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface ReadyOptions {
  url: string;
  signal: AbortSignal;
  report: (line: string) => void;
  limitMs?: number;
}

const LIMIT_MS = 120_000;
const RETRY_MS = 200;
const REPORT_MS = 5_000;

export async function waitUntilReady({ url, signal, report, limitMs = LIMIT_MS }: ReadyOptions): Promise<void> {
  const started = performance.now();
  let said = started;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask(url);
    if (answer.ready) return;
    const now = performance.now();
    if (now - started > limitMs) {
      throw new Error(`Not ready after ${Math.round(limitMs / 1000)} s. The last answer: ${answer.awaited}.`);
    }
    if (now - said > REPORT_MS) {
      said = now;
      report(`Not ready yet: ${answer.awaited} ...`);
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}

interface Readiness {
  ready: boolean;
  awaited: string;
}

/** On a connection of its own each time: one kept alive would hold up the gateway's draining. */
function ask(url: string): Promise<Readiness> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        resolve({ ready: response.statusCode === 200, awaited: describe(body, response.statusCode) }),
      );
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve({ ready: false, awaited: 'the gateway does not listen yet' }));
  });
}

/** A health report names what is down; a problem document has a detail. */
function describe(body: string, status: number | undefined): string {
  try {
    const { error, detail } = JSON.parse(body) as { error?: Record<string, { message?: string }>; detail?: string };
    const down = Object.entries(error ?? {}).map(([name, { message }]) => (message ? `${name} (${message})` : name));
    if (down.length > 0) return `waiting for ${down.join(', ')}`;
    if (typeof detail === 'string') return detail;
  } catch {
    // Not JSON: the status has to say it.
  }
  return `the gateway answers ${status}`;
}
