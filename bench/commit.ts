import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { alternate, type Compared } from './alternate.ts';
import { readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { commitOne } from './commit-one.ts';
import { newCheckouts, startCommitting } from './committing.ts';
import { compareWrites } from './equal-rows.ts';
import { countOrders, type Ground } from './ground.ts';
import { closedLoop } from './load.ts';
import { shown, shownLatencies } from './percentiles.ts';
import { connectionsMax } from './processes.ts';
import { prepareReference, type Run } from './reference.ts';
import type { Section } from './section.ts';
import { type Want, wantAtLeast } from './want.ts';

const concurrencies = [1, 16, 64, 256] as const;
/** What the commit must reach, as a share of the reference at as many clients. */
const ratiosWanted = new Map([
  [1, 1],
  [64, 3],
  [256, 4],
]);

/** Commits per second in this process, as a share of what the same server does for transactions written by hand. */
export async function measureCommit(ground: Ground): Promise<Section> {
  const before = await countOrders(ground.database);
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  const reference = await prepareReference(ground, offers.length);
  const open = newCheckouts(ground.database);
  let acknowledged = before;
  const ours = async (clients: number, orders: number): Promise<Run> => {
    const run = await commitAll(ground.url, clients, await open(orders));
    acknowledged += run.orders;
    return run;
  };
  const sides = { ours, byHand: reference.run };
  const writes = await compareWrites(ground, sides);
  const results: Compared[] = [];
  for (const clients of concurrencies) results.push(await alternate(ground, clients, sides));
  await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  const best = bestOf(results);
  return {
    name: 'commit',
    title: 'The commit, beside transactions written by hand',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio', 'of best'],
    rows: results.flatMap((result) => rowsOf(result, best.theirs.perSecond)),
    wants: wantsOf(results),
    notes: notesOf(ground, reference.driver, writes, offers.length, best.clients),
    figures: { reference: reference.driver, writes, results },
  };
}

function bestOf(results: readonly Compared[]): Compared {
  return results.reduce((best, each) => (each.theirs.perSecond > best.theirs.perSecond ? each : best));
}

function rowsOf({ clients, ours, theirs, ratio }: Compared, best: number): string[][] {
  return [
    [
      `commit, ${clients} at once`,
      shown(ours.perSecond),
      ...shownLatencies(ours.latencies),
      shown(ratio),
      shown(ours.perSecond / best),
    ],
    [`by hand, ${clients} at once`, shown(theirs.perSecond), ...shownLatencies(theirs.latencies), '1', ''],
  ];
}

function wantsOf(results: readonly Compared[]): Want[] {
  return results.flatMap(({ clients, ratio }) => {
    const wanted = ratiosWanted.get(clients);
    return wanted === undefined ? [] : [wantAtLeast(`at ${clients} at once, of the rate by hand`, wanted, ratio)];
  });
}

function notesOf(ground: Ground, driver: string, writes: string, products: number, bestClients: number): string[] {
  const { rounds, secondsPerRun } = ground.pace;
  return [
    `By hand is [reference.sql](reference.sql), driven by ${driver}: one transaction per order, one prepared
    statement per table, on the same server in the same run. It is handed the cart and the prices, reads nothing,
    decides nothing and does not run in Node. It has one connection per client.`,
    `Both write the same: ${writes}. The run fails if the inserts and updates per order differ in any table, if a
    column is filled by one of them alone, or if the rows of a table differ in size by more than a tenth.`,
    `Each rate is the median of ${rounds} runs of some ${secondsPerRun} s, the two alternating; \`ratio\` is the
    median of the ratios of neighbouring runs. \`of best\` compares with the best rate by hand, which it has at
    ${bestClients} clients. Three different products per order, drawn evenly from ${products}; checkouts are opened
    before the clock starts.`,
    `The commit is called in process, one request per call, over ${connectionsMax} connections; what arrives together
    is committed together. Latency is from the call to its answer.`,
  ];
}

async function commitAll(url: string, clients: number, checkoutIds: readonly string[]): Promise<Run> {
  const committing = await startCommitting(url);
  try {
    return await closedLoop(clients, checkoutIds, async (id) => (await commitOne(committing.committer, id)).tookMs);
  } finally {
    await committing.close();
  }
}
