/** A verification report as text: a line a check, and what was measured. */
import { CHECKS, type VerificationReport } from '../../../../libs/inference/src/contract/verification.js';
import { size } from '../size.js';
import { fields } from '../terminal.js';
import { latencyText, ms } from './model-table.js';

interface CheckLine {
  check: string;
  status: string;
  message?: string | undefined;
  ms?: number | undefined;
}

const WIDTH = Math.max(...CHECKS.map(({ length }) => length));
const MARKS: Record<string, string> = { passed: '✓', warned: '!', failed: '✗', skipped: '-' };

/** A line a check, its sentence below it. */
export function reportTable(checks: readonly CheckLine[]): string {
  return checks.map(checkLines).join('\n');
}

/** What was measured, and the outcome in a line; the checks themselves have been shown. */
export function reportSummary(report: VerificationReport): string {
  const { outcome, checks, latency, memoryBytes, rowsMix, ms: took } = report;
  const failed = checks.filter(({ status }) => status === 'failed').length;
  const warned = checks.filter(({ status }) => status === 'warned').length;
  const measured = fields([
    ['latency', latency && latencyText(latency)],
    ['memory', memoryBytes === undefined ? undefined : size(memoryBytes)],
    ['rows', rowsMix === true ? 'influence each other: it is served at batch 1' : undefined],
  ]);
  const but = warned > 0 ? `, with ${warned} warning${warned > 1 ? 's' : ''}` : '';
  const what = outcome === 'passed' ? `Passed${but}` : `Failed: ${failed} of ${checks.length} checks`;
  return `\n${measured && `${measured}\n\n`}${what} (${ms(took)}).`;
}

export function checkLines({ check, status, message, ms: took }: CheckLine): string {
  const time = took === undefined || status === 'skipped' ? status : ms(took);
  const line = `${MARKS[status] ?? '?'} ${check.padEnd(WIDTH)}  ${time}`;
  return message === undefined ? line : `${line}\n    ${message.replaceAll('\n', ' ')}`;
}
