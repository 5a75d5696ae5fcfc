import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { type Summary, summaryOf } from './alternate.ts';
import { checkPromises } from './checks.ts';
import { commitOne } from './commit-one.ts';
import { newCheckouts, startCommitting } from './committing.ts';
import { type Cost, countCost } from './cost.ts';
import { dropDatabase, type Ground, makeDatabase, settle, setUpTimeoutMs } from './ground.ts';
import { fillOrders } from './growth-fill.ts';
import { closedLoop } from './load.ts';
import { median, shown, shownLatencies } from './percentiles.ts';
import type { Run } from './reference.ts';
import type { Section } from './section.ts';
import { wantAtMost } from './want.ts';

const clients = 64;
const warmUpOrders = 1_000;
const countedOrders = 640;
const driftWantedPercent = 15;

type Site = {
  readonly name: string;
  readonly orders: number;
  readonly url: string;
  readonly database: Database;
  readonly open: (count: number) => Promise<string[]>;
  readonly runs: Run[];
  acknowledged: number;
};

/** What a commit costs when there are a thousand, a hundred thousand, a million orders before it. */
export async function measureGrowth(ground: Ground): Promise<Section> {
  const most = ground.pace.ordersMax;
  const sizes = [1_000, Math.min(100_000, most / 10), most];
  const sites: Site[] = [];
  try {
    for (const orders of sizes) sites.push(await layOut(ground, orders));
    // One after the other in turns, so that what drifts while it is measured burdens all.
    for (let round = -1; round < ground.pace.rounds; round += 1) {
      for (const site of round % 2 === 0 ? sites : sites.toReversed()) await runOnce(ground, site);
    }
    const costs: Cost[] = [];
    for (const site of sites) {
      costs.push(await costOf(site));
    }
    for (const site of sites) await checkPromises(site.database, demoMerchant.merchantId, site.acknowledged);
    return section(ground, sites, costs);
  } finally {
    for (const { database } of sites) await database.close();
    for (const orders of sizes) await dropDatabase(ground, nameOf(orders));
  }
}

function nameOf(orders: number): string {
  return `bench_growth_${orders}`;
}

async function layOut(ground: Ground, orders: number): Promise<Site> {
  const name = nameOf(orders);
  const url = await makeDatabase(ground, name, 'furnished');
  const database = connect({
    addsUp: true,
    url,
    applicationName: 'onetill bench growth',
    connectionsMax: 2,
    statementTimeoutMs: setUpTimeoutMs,
  });
  await fillOrders(database, orders);
  return { name, orders, url, database, open: newCheckouts(database), runs: [], acknowledged: orders };
}

async function runOnce(ground: Ground, site: Site): Promise<void> {
  const last = site.runs.at(-1)?.perSecond ?? warmUpOrders / ground.pace.secondsPerRun;
  site.runs.push(await commitMany(site, Math.ceil(last * ground.pace.secondsPerRun)));
}

/** What is opened beforehand is not counted. */
async function costOf(site: Site): Promise<Cost> {
  const checkoutIds = await site.open(countedOrders);
  await settle(site.database);
  return await countCost(site.database, site.name, countedOrders, () => commitAll(site, checkoutIds));
}

async function commitMany(site: Site, count: number): Promise<Run> {
  const checkoutIds = await site.open(count);
  await settle(site.database);
  return await commitAll(site, checkoutIds);
}

async function commitAll(site: Site, checkoutIds: readonly string[]): Promise<Run> {
  const committing = await startCommitting(site.url);
  try {
    const run = await closedLoop(
      clients,
      checkoutIds,
      async (id) => (await commitOne(committing.committer, id)).tookMs,
    );
    site.acknowledged += run.orders;
    return run;
  } finally {
    await committing.close();
  }
}

function section(ground: Ground, sites: readonly Site[], costs: readonly Cost[]): Section {
  // The first run of each only told how many orders fill one.
  const measured = sites.map(({ runs }) => runs.slice(1));
  const summaries = measured.map(summaryOf);
  const first = measured[0] ?? [];
  const last = measured.at(-1) ?? [];
  const slower = median(first.map((run, index) => run.perSecond / (last[index]?.perSecond ?? Number.NaN)));
  const later = (summaries.at(-1)?.latencies.p50 ?? Number.NaN) / (summaries[0]?.latencies.p50 ?? Number.NaN);
  const results = sites.map(({ orders }, index) => ({ orders, ...(summaries[index] as Summary), ...costs[index] }));
  return {
    name: 'growth',
    title: 'The commit as its tables grow',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms', 'kB of log', 'rows', 'statements'],
    rows: sites.map(({ orders }, index) => {
      const { perSecond, latencies } = summaries[index] as Summary;
      const cost = costs[index] as Cost;
      return [
        `${orders.toLocaleString('en')} orders before`,
        shown(perSecond),
        ...shownLatencies(latencies),
        shown(cost.walBytes / 1000),
        shown(cost.rows),
        shown(cost.statements),
      ];
    }),
    wants: [
      wantAtMost('slower in the largest than in the smallest', driftWantedPercent, (slower - 1) * 100, ' %'),
      wantAtMost('later (p50) in the largest than in the smallest', driftWantedPercent, (later - 1) * 100, ' %'),
    ],
    notes: [
      `A database of its own for each size, filled set-wise with confirmed orders of one line; ${clients} commits at
      once, medians of ${ground.pace.rounds} runs of some ${ground.pace.secondsPerRun} s in turns, after a vacuum and a
      checkpoint.`,
      `The log, the rows and the statements are those of one order when ${clients} are committed at once, over
      ${countedOrders} orders after a checkpoint: what the server counted in pg_stat_wal (so with the pages that are
      written whole for the first time since), pg_stat_user_tables (inserted, updated and deleted), and
      pg_stat_statements (begin and commit among them), divided by the orders.`,
    ],
    figures: { results },
  };
}
