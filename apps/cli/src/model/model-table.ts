/** Models and versions as text for a terminal. */
import { size } from '../size.js';
import { fields, table } from '../terminal.js';
import type { ModelView, VersionView } from './model-view.js';

export function modelTable(models: readonly ModelView[]): string {
  const rows = models.flatMap((model) =>
    model.versions.map((version) => [
      model.name,
      version.version,
      version.state,
      String(version.workers_ready ?? ''),
      namesOf(model, version.version).join(', '),
      version.task ?? '',
      version.bytes === undefined ? '' : size(version.bytes),
    ]),
  );
  if (rows.length === 0) return 'There are no models. "sluice model add <folder>" adds one.';
  return table(['model', 'version', 'state', 'workers', 'named', 'task', 'size'], rows);
}

export function versionFields(version: VersionView): string {
  const { report, source, by, created_at: created } = version;
  return fields([
    ['model', `${version.name}:${version.version}`],
    ['state', version.state],
    ['reason', version.reason],
    ['named', version.named_by?.join(', ') || undefined],
    ['task', version.task],
    ['size', version.bytes === undefined ? undefined : size(version.bytes)],
    ['digest', version.digest],
    ['source', source && `${source}${by ? `, by ${by}` : ''}${created ? `, ${created}` : ''}`],
    ['latency', report?.latency && latencyText(report.latency)],
    ['memory', report?.memoryBytes === undefined ? undefined : size(report.memoryBytes)],
    ['workers', version.workers?.map(workerText).join('\n') || undefined],
    ['errors', version.errors?.map(errorText).join('\n') || undefined],
  ]);
}

/** How a time by rows is said everywhere. */
export function latencyText({ alpha, beta, bestBatch }: { alpha: number; beta: number; bestBatch: number }): string {
  return `${ms(alpha)} a row + ${ms(beta)} a run, best at batch ${bestBatch}`;
}

export function ms(value: number): string {
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ms`;
}

/** By what a request reaches a version without saying its number. */
function namesOf(model: ModelView, version: string): string[] {
  const weights = model.split?.filter((part) => part.version === version).map(({ weight }) => `split ${weight}`) ?? [];
  return [
    ...(model.default === version ? ['default'] : []),
    ...Object.keys(model.aliases).filter((alias) => model.aliases[alias] === version),
    ...weights,
    ...(model.shadow?.version === version ? [`shadow ${model.shadow.share}`] : []),
  ];
}

type WorkerView = NonNullable<VersionView['workers']>[number];

function workerText({ worker, device, state, reason }: WorkerView): string {
  return `${worker}${device === undefined ? '' : ` on ${device}`}: ${state}${reason === undefined ? '' : ` (${reason})`}`;
}

function errorText({ code, count, last_at: last }: NonNullable<VersionView['errors']>[number]): string {
  return `${code}: ${count}, the last ${last}`;
}
