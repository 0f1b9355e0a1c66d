/**
 * One log line for each operation that changes which models there are or what a name means: who, what, which version, how
 * it went. Never a key: an owner is enough to know whose it was.
 */
import { toSluiceError, type Logger } from '#inference';
import type { Caller } from './caller.js';

export interface Operation {
  action: string;
  model?: string | undefined;
  version?: string | undefined;
  by: Caller;
  /** What else it was about: an alias, weights, limits. */
  to?: unknown;
}

export class Audit {
  constructor(private readonly log: Pick<Logger, 'info'>) {}

  /** `work` may say what was not known before it began. */
  async of<T>({ by, ...operation }: Operation, work: (more: (told: object) => void) => Promise<T>): Promise<T> {
    let line: object = { audit: operation.action, ...by, ...operation, action: undefined };
    const more = (told: object): void => void (line = { ...line, ...told });
    try {
      const result = await work(more);
      this.log.info({ ...line, outcome: 'ok' }, 'models changed');
      return result;
    } catch (error) {
      this.log.info({ ...line, outcome: toSluiceError(error).code }, 'models not changed');
      throw error;
    }
  }
}
