/** `sluice model verify`: whether a package would be served, found out on this machine. */
import { parseArgs } from 'node:util';
import type { CheckResult } from '../../../../libs/inference/src/contract/verification.js';
import { EXIT, UsageError, type Command } from '../command.js';
import { JSON_OPTION } from '../model/model-command.js';
import { checkLines, reportSummary } from '../model/report-text.js';
import { verify } from '../model/verify-run.js';
import { interruptible } from '../stop-signals.js';
import { print, printJson, tell } from '../terminal.js';

const MOST_SECONDS = 3_600;

export const modelVerifyCommand: Command = {
  usage: '<folder | archive | x.onnx> [--timeout s] [--json]',
  help: [
    'Verifies a package as a worker does before it serves it, in a confined process, and prints every check.',
    'Threads, providers and limits are those of a worker on this machine (SLUICE_THREADS, SLUICE_PROVIDERS, SLUICE_CHECK_…).',
    'No server is needed. --json prints the report. Exit codes: 0 it passed, perhaps with warnings, 1 it failed.',
  ].join('\n'),

  run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...JSON_OPTION, timeout: { type: 'string' } },
    });
    const [path, ...rest] = positionals;
    if (path === undefined || rest.length > 0) throw new UsageError('One folder, archive or model file was expected.');
    const timeoutMs = values.timeout === undefined ? undefined : millisecondsOf(values.timeout);
    const progress = (result: CheckResult): void => {
      if (!values.json) print(checkLines(result));
    };
    return interruptible(async (signal) => {
      const report = await verify({ path, timeoutMs, progress, note: tell, signal });
      if (values.json) printJson(report);
      else print(reportSummary(report));
      return report.outcome === 'passed' ? EXIT.done : EXIT.failed;
    });
  },
};

function millisecondsOf(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= MOST_SECONDS) return 1_000 * seconds;
  throw new UsageError(`--timeout is "${text}"; a whole number of seconds up to ${MOST_SECONDS} was expected.`);
}
