/**
 * Structured logs for all processes: pino, one JSON line an event, to stdout.
 *
 * Invariants: no request body, result, key or URL query is ever logged; fields that could carry one are redacted.
 */
import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** What may be told of an error. Others of its properties may hold anything: of Redis' refusals, the command's arguments. */
export function loggedError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  return { type: name, message, ...(typeof code === 'string' ? { code } : {}), stack };
}

export function createLogger(name: string, level: string): Logger {
  return pino({
    name,
    level,
    base: { name, pid: process.pid },
    redact: { paths: ['req.headers', 'headers', '*.authorization', '*.cookie', 'body'], remove: true },
    serializers: { err: loggedError },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}

/** Nest's own lines through pino: its chatter about routes and modules is for debugging only. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown): void {
    this.logger.debug(String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error({ detail: rest.filter((part) => typeof part === 'string') }, String(message));
  }

  warn(message: unknown): void {
    this.logger.warn(String(message));
  }

  debug(message: unknown): void {
    this.logger.trace(String(message));
  }

  verbose(message: unknown): void {
    this.logger.trace(String(message));
  }
}
