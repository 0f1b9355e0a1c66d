/** The services of one `serve`, each supervised: stopped one after the other in the reverse of the order in which they
 * were started, and all of them when one is given up. Invariant: after `stop` none of them runs. */
import type { Service } from './service.js';
import { Supervised } from './supervised.js';

export interface ServiceGroupOptions {
  requested: AbortSignal;
  forced: AbortSignal;
  report: (line: string) => void;
  restartBackoffMs?: number | undefined;
}

export class ServiceGroup {
  /** Aborted when this is to end, by request or because a service was given up. */
  readonly ending: AbortSignal;
  /** Why it ends unasked. */
  failure: string | undefined;

  private readonly gaveUp = new AbortController();
  private readonly services: Supervised[] = [];

  constructor(private readonly options: ServiceGroupOptions) {
    this.ending = AbortSignal.any([options.requested, this.gaveUp.signal]);
    options.forced.addEventListener('abort', () => this.services.forEach((service) => service.kill()));
  }

  async run(service: Service): Promise<void> {
    this.ending.throwIfAborted();
    const { report, restartBackoffMs } = this.options;
    const supervised = new Supervised({
      service,
      report,
      signal: this.ending,
      firstBackoffMs: restartBackoffMs,
      onGivenUp: (message) => this.fail(message),
    });
    this.services.push(supervised);
    await supervised.start();
  }

  fail(message: string): void {
    this.failure ??= message;
    this.gaveUp.abort();
  }

  async stop(): Promise<void> {
    for (const service of this.services.toReversed()) await service.stop();
  }
}
