/** Callers in a closed loop: each sends its next request when it has the answer to the last. */
import { ask, type Answer } from '../support/http.js';

const CALLERS = 24;

export interface Outcome {
  sentAt: number;
  tookMs: number;
  /** Undefined where the connection failed. */
  answer?: Answer;
}

export class Load {
  readonly outcomes: Outcome[] = [];
  private readonly waiting = new Set<{ sentAt: number }>();
  private stopped = false;
  private readonly callers: Promise<unknown>;

  /** Each caller goes on until `stop`, or until a connection of his fails. */
  constructor(url: string, body: string) {
    this.callers = Promise.all(Array.from({ length: CALLERS }, () => this.call(url, body)));
  }

  get answers(): Answer[] {
    return this.outcomes.flatMap(({ answer }) => answer ?? []);
  }

  /** How long the caller who has waited longest has waited up to now. */
  get longestWaitMs(): number {
    return Date.now() - Math.min(Date.now(), ...[...this.waiting].map(({ sentAt }) => sentAt));
  }

  /** Everything that was asked, when the last answer is in. */
  async stop(): Promise<Outcome[]> {
    this.stopped = true;
    return this.end();
  }

  /** The same for a load whose callers end by themselves, as there is nobody left to ask. */
  async end(): Promise<Outcome[]> {
    await this.callers;
    return this.outcomes;
  }

  private async call(url: string, body: string): Promise<void> {
    // A connection for each request: one that is kept may be closed by the other end just as it is used again.
    const headers = { 'content-type': 'application/json', connection: 'close' };
    while (!this.stopped) {
      const request = { sentAt: Date.now() };
      this.waiting.add(request);
      const answer = await ask(url, { headers, body }).catch(() => undefined);
      this.waiting.delete(request);
      this.outcomes.push({ ...request, tookMs: Date.now() - request.sentAt, ...(answer && { answer }) });
      if (answer === undefined) return;
    }
  }
}

/** How many predictions each worker has answered. */
export function sharesOf(answers: Answer[]): number[] {
  const shares = new Map<string, number>();
  for (const { status, json } of answers) {
    if (status !== 200) continue;
    const worker = String(json.metrics.worker);
    shares.set(worker, (shares.get(worker) ?? 0) + 1);
  }
  return [...shares.values()];
}
