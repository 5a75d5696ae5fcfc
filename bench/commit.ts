import type { CommitOptions } from '../src/checkout/commit.run.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { sleepingWaker } from '../src/messaging/waker.ts';
import { newUuid } from '../src/shared/ids.ts';
import { connect } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { commitOne } from './commit-one.ts';
import { compareWrites } from './equal-rows.ts';
import { type Ground, settle } from './ground.ts';
import { latenciesOf, median, medianLatencies, shown, shownLatencies } from './percentiles.ts';
import { connectionsMax } from './processes.ts';
import { prepareReference, type Run } from './reference.ts';
import type { Section } from './section.ts';

const concurrencies = [1, 16, 64] as const;
const roundsEach = 3;
const secondsPerRun = 2.5;
const warmUpOrders = 400;
/** What the commit must reach at concurrency 16. */
const ratioMin = 0.5;

/** Commits per second in this process, as a share of what the same server does for transactions written by hand. */
export async function measureCommit(ground: Ground): Promise<Section> {
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  const reference = await prepareReference(ground, offers.length);
  let acknowledged = 0;
  const runOurs = async (clients: number, orders: number): Promise<Run> => {
    const seed = 1 + acknowledged;
    const run = await commitAll(
      ground.url,
      clients,
      await openCheckouts(ground.database, offers, { count: orders, seed }),
    );
    acknowledged += run.orders;
    return run;
  };
  const writes = await compareWrites(ground, { ours: runOurs, byHand: reference.run });
  const results = [];
  for (const clients of concurrencies) {
    results.push(await alternate(ground, clients, { ours: runOurs, byHand: reference.run }));
  }
  await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  const best = Math.max(...results.map(({ theirs }) => theirs.perSecond));
  const rows = results.flatMap(({ clients, ours, theirs, ratio }) => [
    [
      `commit, ${clients} at once`,
      shown(ours.perSecond),
      ...shownLatencies(ours.latencies),
      shown(ratio),
      shown(ours.perSecond / best),
    ],
    [`by hand, ${clients} at once`, shown(theirs.perSecond), ...shownLatencies(theirs.latencies), '1', ''],
  ]);
  const decisive = results.find(({ clients }) => clients === 16)?.ratio ?? 0;
  return {
    name: 'commit',
    title: 'The commit, beside transactions written by hand',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio', 'of best'],
    rows,
    notes: notesOf(reference.driver, writes, offers.length, decisive),
    figures: { reference: reference.driver, ratioWanted: ratioMin, writes, results },
  };
}

function notesOf(driver: string, writes: string, products: number, decisive: number): string[] {
  return [
    `By hand is [reference.sql](reference.sql), driven by ${driver}: one transaction per order, one prepared ` +
      'statement per table, on the same server in the same run. It is handed the cart and the prices, reads ' +
      'nothing, decides nothing and does not run in Node. It has one connection per client.',
    `Both write the same: ${writes}. The run fails if the inserts and updates per order differ in any table, if a ` +
      'column is filled by one of them alone, or if the rows of a table differ in size by more than a tenth.',
    `Each rate is the median of ${roundsEach} runs of some ${secondsPerRun} s, the two alternating; \`ratio\` is the ` +
      'median of the ratios of neighbouring runs. `of best` compares with the best rate by hand at any concurrency, ' +
      'because many connections on few cores slow it down. ' +
      `Three different products per order, drawn evenly from ${products}; checkouts are opened before the clock
      starts.`,
    `The commit is called in process, one request per call, over ${connectionsMax} connections; latency is from the ` +
      'call to its answer, waiting for a connection included.',
    `Wanted at 16 at once: a ratio of ${ratioMin} or more. Here: ${shown(decisive)}` +
      `${decisive < ratioMin ? ', which is not reached' : ''}.`,
  ];
}

type Sides = Readonly<Record<'ours' | 'byHand', (clients: number, orders: number) => Promise<Run>>>;

/** A B, B A, A B: what drifts while it is measured burdens both. The warm-up tells how many orders fill a run. */
async function alternate(ground: Ground, clients: number, sides: Sides) {
  const ordersOf = (run: Run) => Math.ceil((run.perSecond * secondsPerRun) / clients) * clients;
  const warmUp = Math.max(warmUpOrders, clients * 10);
  const count = {
    ours: ordersOf(await sides.ours(clients, warmUp)),
    byHand: ordersOf(await sides.byHand(clients, warmUp)),
  };
  const runs: Record<keyof Sides, Run[]> = { ours: [], byHand: [] };
  for (let round = 0; round < roundsEach; round += 1) {
    const order = round % 2 === 0 ? (['ours', 'byHand'] as const) : (['byHand', 'ours'] as const);
    for (const side of order) {
      await settle(ground.database);
      runs[side].push(await sides[side](clients, count[side]));
    }
  }
  const ratios = runs.ours.map((run, index) => run.perSecond / (runs.byHand[index]?.perSecond ?? Number.NaN));
  return { clients, ours: summary(runs.ours), theirs: summary(runs.byHand), ratio: median(ratios), ratios };
}

function summary(runs: readonly Run[]) {
  return {
    perSecond: median(runs.map((run) => run.perSecond)),
    runsPerSecond: runs.map((run) => Math.round(run.perSecond)),
    ordersPerRun: runs[0]?.orders ?? 0,
    latencies: medianLatencies(runs.map((run) => latenciesOf(run.latenciesMs))),
  };
}

async function commitAll(url: string, clients: number, checkoutIds: readonly string[]): Promise<Run> {
  const database = connect({ url, applicationName: 'onetill bench commit', connectionsMax });
  const options: CommitOptions = { database, newId: newUuid, waker: sleepingWaker };
  const latenciesMs: number[] = [];
  try {
    // Connecting and preparing is no part of a commit; the reference's driver leaves it out, too.
    await Promise.all(Array.from({ length: connectionsMax }, () => database.query({ text: 'select pg_sleep(0.02)' })));
    const waiting = checkoutIds.values();
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: clients }, async () => {
        for (const checkoutId of waiting) latenciesMs.push((await commitOne(options, checkoutId)).tookMs);
      }),
    );
    const seconds = (performance.now() - startedMs) / 1000;
    return { orders: latenciesMs.length, perSecond: latenciesMs.length / seconds, latenciesMs };
  } finally {
    await database.close();
  }
}
