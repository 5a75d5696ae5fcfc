import { writeFile } from 'node:fs/promises';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Section } from './section.ts';

/** A drawing of a section's figures, and the words under which the page shows it. */
type Drawing = {
  readonly section: string;
  readonly file: string;
  readonly title: string;
  readonly draw: (figures: Figures) => Plot.PlotOptions;
};
type Figures = Section['figures'];

type Summary = { readonly perSecond: number; readonly latencies: { readonly p50: number; readonly p99: number } };
type Compared = { readonly clients: number; readonly ours: Summary; readonly theirs: Summary };

const common = { width: 720, height: 360, marginLeft: 60, marginRight: 30, grid: true } as const;

const drawings: readonly Drawing[] = [
  {
    section: 'commit',
    file: 'latency-against-throughput.svg',
    title: 'Latency against throughput: 1, 16, 64 and 256 at once',
    draw: latencyAgainstThroughput,
  },
  {
    section: 'batch-size',
    file: 'throughput-against-batch-size.svg',
    title: 'Throughput against the size of a batch',
    draw: throughputAgainstBatchSize,
  },
  {
    section: 'growth',
    file: 'cost-against-table-size.svg',
    title: 'The cost of an order against the orders before it',
    draw: costAgainstTableSize,
  },
];

/** Draws what there are figures of. Answers the pictures of each section, as a page shows them. */
export async function drawPlots(
  folder: URL,
  figuresOf: (section: string) => Figures | null,
): Promise<ReadonlyMap<string, string>> {
  const shown = new Map<string, string>();
  for (const { section, file, title, draw } of drawings) {
    const figures = figuresOf(section);
    // Figures that an earlier version left have another form.
    if (!Array.isArray(figures?.results)) continue;
    await writeFile(new URL(file, folder), svgOf(title, draw(figures)));
    shown.set(section, `![${title}](${file})`);
  }
  return shown;
}

function svgOf(title: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html><body></body></html>');
  const svg = Plot.plot({ ...common, ...options, document: document as never });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  // A page may be dark; the drawing brings its own ground.
  svg.setAttribute('style', 'background: white; color: black');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', title);
  return `${svg.outerHTML}\n`;
}

function latencyAgainstThroughput(figures: Figures): Plot.PlotOptions {
  const points = (figures.results as readonly Compared[]).flatMap(({ clients, ours, theirs }) =>
    [
      { who: 'commit', ...ours },
      { who: 'by hand', ...theirs },
    ].flatMap(({ who, perSecond, latencies }) => [
      { line: `${who}, p50`, clients, perSecond, ms: latencies.p50 },
      { line: `${who}, p99`, clients, perSecond, ms: latencies.p99 },
    ]),
  );
  return {
    x: { label: 'orders a second', zero: true },
    y: { label: 'milliseconds', type: 'log' },
    color: { legend: false },
    marks: [
      Plot.line(points, { x: 'perSecond', y: 'ms', stroke: 'line', marker: 'dot' }),
      Plot.text(points, { x: 'perSecond', y: 'ms', text: ({ clients }) => `${clients}`, dy: -8 }),
      Plot.text(points, Plot.selectLast({ x: 'perSecond', y: 'ms', z: 'line', text: 'line', fill: 'line', dy: 12 })),
    ],
  };
}

function throughputAgainstBatchSize(figures: Figures): Plot.PlotOptions {
  const points = figures.results as readonly (Summary & { size: number })[];
  return {
    x: { label: 'orders in a transaction', type: 'log', base: 2, tickFormat: 'd' },
    y: { label: 'orders a second', zero: true },
    marks: [Plot.ruleY([0]), Plot.line([...points], { x: 'size', y: 'perSecond', marker: 'dot' })],
  };
}

function costAgainstTableSize(figures: Figures): Plot.PlotOptions {
  const points = figures.results as readonly (Summary & { orders: number; walBytes: number; rows: number })[];
  const first = points[0];
  const of = (value: number, base: number | undefined) => value / (base ?? Number.NaN);
  const lines = points.flatMap((point) => [
    { line: 'time', orders: point.orders, share: of(first?.perSecond ?? Number.NaN, point.perSecond) },
    { line: 'latency, p50', orders: point.orders, share: of(point.latencies.p50, first?.latencies.p50) },
    { line: 'log', orders: point.orders, share: of(point.walBytes, first?.walBytes) },
    { line: 'rows', orders: point.orders, share: of(point.rows, first?.rows) },
  ]);
  return {
    x: { label: 'orders before', type: 'log', tickFormat: '~s' },
    y: { label: 'cost of an order, 1 = in the smallest', zero: true },
    marks: [
      Plot.ruleY([0]),
      Plot.ruleY([1.15], { strokeDasharray: '4 4' }),
      Plot.line(lines, { x: 'orders', y: 'share', stroke: 'line', marker: 'dot' }),
      Plot.text(lines, Plot.selectLast({ x: 'orders', y: 'share', z: 'line', text: 'line', fill: 'line', dy: -8 })),
    ],
  };
}
