/** The report as Markdown, in columns that line up, so that it is also what the terminal shows. */
import { SERVICES } from '../cell.js';
import type { Conditions } from '../conditions.js';
import { labelOf, type Row } from './medians.js';
import type { Judged } from './targets.js';

export interface Report {
  conditions: Conditions;
  rows: Row[];
  targets: Judged[];
}

export function toMarkdown({ conditions, rows, targets }: Report): string {
  const { rounds, seconds, heatSeconds, warmupSeconds } = conditions.options;
  return [
    '# Benchmark',
    '',
    'Written by `npm run bench`. All contenders ran interleaved on the same cores as the load generator; figures are' +
      ` medians over ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s. Each service was started anew for` +
      ` each cell and warmed up by ${heatSeconds} s of many callers and ${warmupSeconds} s of the cell's own load.`,
    '',
    '## Targets',
    '',
    ...table(['what', 'value', 'floor', 'goal', ''], targets.map(targetLine)),
    '',
    '## Cells',
    '',
    'CPU is that of all processes but the generator, in µs per request; memory is the peak, summed over processes, with what they share counted in each.' +
      ' Failures are over all rounds. Others: cores that the rest of the machine kept busy; above 0.1 or so the machine' +
      ' was not free, and the figures say little.',
    '',
    ...table(
      ['workload', 'load', 'contender', 'req/s', 'p50 ms', 'p99 ms', 'failures', 'CPU µs', 'RSS MB', 'others'],
      rows.map(rowLine),
    ),
    '',
    '## Where the CPU goes',
    '',
    ...table(
      ['workload', 'load', 'contender', 'µs per request and peak MB of each process', 'generator µs'],
      rows.map(cpuLine),
    ),
    '',
    '## Contenders',
    '',
    '- `bare`: the engine loop alone, one process of one thread per core; its latency is that of a whole batch',
    ...Object.values(SERVICES).map(({ name, description }) => `- \`${name}\`: ${description}`),
    '',
    '## Conditions',
    '',
    ...conditionLines(conditions),
    '',
  ].join('\n');
}

function targetLine({ what, unit, bound, value, floor, goal, floorMet, goalMet }: Judged): string[] {
  const sign = bound === 'least' ? '≥' : '≤';
  const limit = (number: number | undefined): string => (number === undefined ? '' : `${sign} ${number} ${unit}`);
  return [
    what,
    value === undefined ? '-' : `${short(value)} ${unit}`,
    limit(floor),
    limit(goal),
    verdict(floorMet, goalMet),
  ];
}

function verdict(floorMet: boolean | undefined, goalMet: boolean | undefined): string {
  if (floorMet === undefined && goalMet === undefined) return 'not measured';
  if (floorMet === false) return 'FLOOR MISSED';
  if (goalMet === false) return floorMet === undefined ? 'goal missed' : 'floor met, goal missed';
  return 'met';
}

function rowLine(row: Row): string[] {
  const { workload, load, contender, perSecond, p50Ms, p99Ms, failures, cpuMicrosPerRequest, peakRssMb, othersCores } =
    row;
  return [
    workload,
    labelOf(load),
    contender,
    short(perSecond),
    short(p50Ms),
    short(p99Ms),
    String(failures),
    short(cpuMicrosPerRequest),
    short(peakRssMb),
    othersCores.toFixed(2),
  ];
}

function cpuLine({ workload, load, contender, processes, generatorCpuMicrosPerRequest }: Row): string[] {
  const each = processes.map(
    ({ name, cpuMicrosPerRequest, peakRssMb }) => `${name} ${short(cpuMicrosPerRequest)} (${short(peakRssMb)})`,
  );
  return [workload, labelOf(load), contender, each.join(', '), short(generatorCpuMicrosPerRequest)];
}

function conditionLines({ libraries, workloads, ...c }: Conditions): string[] {
  return [
    `- ${c.date}, Node ${c.node}, ${c.system}`,
    `- ${c.cpus} CPUs (${c.cpu}), ${c.memoryGb} GB; load average before the run ${c.loadAverage}`,
    `- Redis ${c.redis}: ${c.persistence}; one of its own for every contender that has one`,
    `- ${Object.entries(libraries)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    ...workloads.map(
      ({ name, model, bodyBytes, contentType }) => `- ${name}: model ${model}, ${bodyBytes} bytes of ${contentType}`,
    ),
  ];
}

/** Three digits that count; more would claim too much. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function table(head: readonly string[], lines: readonly string[][]): string[] {
  const widths = head.map((title, column) => Math.max(3, title.length, ...lines.map((line) => line[column]!.length)));
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)];
}
