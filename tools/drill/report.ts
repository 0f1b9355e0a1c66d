/** The figures of a drill as a table, and what was wrong. */
import type { Audit } from './audit.js';
import type { Book } from './book.js';
import { KINDS, type Chaos } from './chaos.js';
import type { Receiver } from './receiver.js';

const MAX_SHOWN = 50;

export interface Drilled {
  book: Book;
  chaos: Chaos;
  receiver: Receiver;
  audit: Audit;
  seed: number;
  totalMs: number;
}

export function figures({ book, chaos, receiver, audit, seed, totalMs }: Drilled): string {
  const delivered = [...book.delivered.values()];
  const successes = delivered.reduce((sum, each) => sum + each.successes, 0);
  const told = delivered.filter((each) => each.successes > 0).length;
  const toldMs = [...book.acknowledged.values()].map(
    ({ id, at }) => (book.delivered.get(id)?.firstSuccessAt ?? at) - at,
  );
  const seconds = (book.lastAt - book.firstAt) / 1_000;
  const rows: [string, string | number][] = [
    ['seed', seed],
    ['acknowledged', book.acknowledged.size],
    ['acknowledged per second', (book.acknowledged.size / Math.max(seconds, 0.001)).toFixed(1)],
    ['given up', book.givenUp.length],
    ['submissions tried again', book.retries],
    ['answers let go of on purpose', book.lostAnswers],
    ['keys sent once more', book.repeatedKeys],
    ['refusals', listed(book.refusals)],
    ['killed -9', KINDS.map((kind) => `${chaos.kills[kind]} ${kind}`).join(', ')],
    ['ended', listed(audit.statuses)],
    ['codes of those without an answer', listed(audit.codes)],
    ['webhooks received', receiver.received],
    ['of these failed on purpose', `${receiver.failed} (${percent(receiver.failed, receiver.received)})`],
    ['delivered more than once', `${successes - told} (${percent(successes - told, told)})`],
    ['longest from acknowledged to told', `${(max(toldMs) / 1_000).toFixed(1)} s`],
    ['longest without an acknowledgement', `${(book.longestGapMs / 1_000).toFixed(1)} s`],
    ['settling after the last kill', `${(audit.settledMs / 1_000).toFixed(1)} s`],
    ['in all', `${(totalMs / 1_000).toFixed(1)} s`],
    ['violations', book.violations.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `| ${name.padEnd(width)} | ${value} |`).join('\n');
}

export function violationsOf({ violations }: Book): string {
  const shown = violations.slice(0, MAX_SHOWN).map((line) => `VIOLATION ${line}`);
  if (violations.length > MAX_SHOWN) shown.push(`and ${violations.length - MAX_SHOWN} more`);
  return shown.join('\n');
}

function listed(counts: ReadonlyMap<string, number>): string {
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${count} ${name}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;
}

function max(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
