import { prefix } from '../src/storefront-api/ucp/v2026-04-08/version.ts';
import type { Summary } from './alternate.ts';
import { summaryOf } from './alternate.ts';
import type { Ground } from './ground.ts';
import { cartBody, layerPath } from './http-layer-routes.ts';
import { acceptedRun, rawRequest, startGenerator } from './http-load.ts';
import { median, shown, shownLatencies } from './percentiles.ts';
import { startApart } from './processes.ts';
import type { Run } from './reference.ts';
import type { Section } from './section.ts';
import { wantAtLeast } from './want.ts';

const connections = 64;
const ratioWanted = 0.7;
const warmUpRequests = 2_000;

type Side = 'bare' | 'layer' | 'route';

/** What our rim costs without a database: requests per second, as a share of those of a handler on bare node:http. */
export async function measureHttpLayer(ground: Ground): Promise<Section> {
  const { rounds, secondsPerRun } = ground.pace;
  const server = await startApart({ part: 'http-layer' });
  const generator = await startGenerator();
  const [bareUrl = '', layerUrl = ''] = server.url.split(' ');
  const runOne = async (side: Side, repeats: number): Promise<Run> => {
    const url = side === 'bare' ? bareUrl : layerUrl;
    const path = side === 'route' ? `${prefix}/checkout-sessions` : layerPath;
    const request = rawRequest(path, cartBody, { 'x-api-key': 'any' });
    const plan = { url, connections, perSecond: null, requests: [request], repeats, expected: '"' };
    return acceptedRun(await generator.run(plan));
  };
  const sides = ['bare', 'layer', 'route'] as const;
  const runs: Record<Side, Run[]> = { bare: [], layer: [], route: [] };
  try {
    const counts = new Map<Side, number>();
    for (const side of sides) await runOne(side, warmUpRequests);
    for (const side of sides) {
      counts.set(side, Math.ceil((await runOne(side, warmUpRequests)).perSecond * secondsPerRun));
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        runs[side].push(await runOne(side, counts.get(side) ?? warmUpRequests));
      }
    }
  } finally {
    await generator.stop();
    await server.stop();
  }
  const ratioOf = (side: Side) =>
    median(runs[side].map((run, index) => run.perSecond / (runs.bare[index]?.perSecond ?? Number.NaN)));
  const found = { layer: ratioOf('layer'), route: ratioOf('route') };
  return section({ bare: summaryOf(runs.bare), layer: summaryOf(runs.layer), route: summaryOf(runs.route) }, found);
}

function section(summaries: Record<Side, Summary>, ratios: { layer: number; route: number }): Section {
  const row = (name: string, { perSecond, latencies }: Summary, ratio: string) => [
    name,
    shown(perSecond),
    ...shownLatencies(latencies),
    ratio,
  ];
  return {
    name: 'http-layer',
    title: 'The HTTP layer, without a database',
    columns: ['', 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio'],
    rows: [
      row('a handler on bare node:http', summaries.bare, '1'),
      row('the same over our rim and the schema', summaries.layer, shown(ratios.layer)),
      row('opening a checkout, its desk in memory', summaries.route, shown(ratios.route)),
    ],
    wants: [wantAtLeast('our rim, of the rate of a bare handler', ratioWanted, ratios.layer)],
    notes: [
      `Each is sent the same cart of ${(cartBody.length / 1000).toFixed(1)} kB over ${connections} kept-alive
      connections, parses it, and answers a small JSON. The bare handler does nothing else. Our rim checks lengths,
      framing, header and duplicate names, looks for card numbers, has ids and a trace, validates the schema and times
      the request. Opening a checkout, besides, authenticates the caller, prices the cart and answers the whole
      checkout of the protocol.`,
      `All three run in one process that has one of the two cores; the generator has the other.`,
    ],
    figures: { summaries, ratios },
  };
}
