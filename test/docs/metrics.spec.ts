// Proves: docs/metrics.md lists every metric of the gateway and the worker with its type and labels, and nothing else.
import { GatewayMetrics, WorkerMetrics } from '../../libs/inference/src/telemetry/metrics.js';
import { plain, rowsOf } from './tables.js';

it.each([
  ['gateway', () => new GatewayMetrics()],
  ['worker', () => new WorkerMetrics()],
])('lists the metrics of the %s with type and labels', async (process, make) => {
  const { registry } = make();
  const types = await registry.getMetricsAsJSON();
  const expected = registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith('sluice_'))
    .map((metric) => ({
      metric: metric.name,
      type: String(types.find(({ name }) => name === metric.name)?.type),
      labels: (metric as unknown as { labelNames: string[] }).labelNames.join(', '),
    }));
  const rows = rowsOf('docs/metrics.md', process);
  const listed = rows.map(({ metric, type, labels }) => ({ metric: plain(metric), type, labels }));
  expect(byName(listed)).toEqual(byName(expected));
});

it('tells what each of them means', () => {
  for (const row of rowsOf('docs/metrics.md')) expect(row['meaning']).toMatch(/.{8,}/);
});

function byName<T extends { metric: string }>(rows: T[]): T[] {
  return [...rows].sort((a, b) => a.metric.localeCompare(b.metric));
}
