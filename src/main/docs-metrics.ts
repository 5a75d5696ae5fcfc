import { type MetricDefinition, metricCatalogue } from '../operations/metrics.ts';
import { head, table } from './docs-page.ts';

/** docs/metrics.md: what each process tells at /metrics. */
export function metricsPage(): string {
  const introduction = [
    'Every process answers `/metrics` in the text format of Prometheus. Watch the first two: they tell of nearly every',
    'trouble, work that is not begun and orders that do not get on. Gauges of the database are the same whichever',
    'process is asked; counters and histograms are of the process that is asked.',
    'No label holds personal data or an id.',
  ].join('\n');
  const rows = Object.entries(metricCatalogue).map(([name, metric]: [string, MetricDefinition]) => [
    `\`${name}\``,
    metric.kind,
    metric.labels.map((label) => `\`${label}\``).join(', '),
    metric.help,
  ]);
  const catalogue = table(['metric', 'kind', 'labels', 'what it says'], rows);
  return `${head('Metrics', '`src/operations/metrics.ts`', introduction)}\n${catalogue}\n`;
}
