import { commit } from '../src/checkout/commit.run.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { summaryOf } from './alternate.ts';
import { checkPromises } from './checks.ts';
import { orderOf, requestFor } from './commit-one.ts';
import { type Committing, newCheckouts, startCommitting } from './committing.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { closedLoop } from './load.ts';
import { shown, shownLatencies } from './percentiles.ts';
import type { Run } from './reference.ts';
import type { Section } from './section.ts';

const sizes = [1, 2, 4, 8, 16, 32, 64, 128] as const;
/** As many transactions are under way at once as when requests are collected. */
const inFlight = 2;
const warmUpOrders = 512;

/** What it brings to commit several orders in one transaction: the rate for each size of it. */
export async function measureBatchSize(ground: Ground): Promise<Section> {
  const open = newCheckouts(ground.database);
  const committing = await startCommitting(ground.url);
  const results = [];
  let acknowledged = await countOrders(ground.database);
  try {
    for (const size of sizes) {
      const runOnce = async (orders: number): Promise<Run> => {
        const checkoutIds = await open(Math.ceil(orders / size) * size);
        const run = await commitInBatches(committing, checkoutIds, size);
        acknowledged += checkoutIds.length;
        return { ...run, orders: checkoutIds.length, perSecond: run.perSecond * size };
      };
      const warmUp = await runOnce(warmUpOrders);
      // Statements of many rows want statistics: on tables that look empty they were seven times slower, measured.
      await settle(ground.database);
      const run = await runOnce(warmUp.perSecond * ground.pace.secondsPerRun);
      results.push({ size, ...summaryOf([run]) });
    }
  } finally {
    await committing.close();
  }
  await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  return {
    name: 'batch-size',
    title: 'The commit of several orders at once',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms'],
    rows: results.map(({ size, perSecond, latencies }) => [
      `${size} in a transaction`,
      shown(perSecond),
      ...shownLatencies(latencies),
    ]),
    wants: [],
    notes: [`${inFlight} transactions at once, each of exactly so many orders. Latency is that of the transaction.`],
    figures: { results },
  };
}

async function commitInBatches(committing: Committing, checkoutIds: readonly string[], size: number): Promise<Run> {
  const batches = Array.from({ length: checkoutIds.length / size }, (_, index) =>
    checkoutIds.slice(index * size, (index + 1) * size).map(requestFor),
  );
  return await closedLoop(inFlight, batches, async (requests) => {
    const beganMs = performance.now();
    const outcomes = await commit(committing.options, requests);
    const tookMs = performance.now() - beganMs;
    for (const outcome of outcomes) orderOf(outcome);
    return tookMs;
  });
}
