import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { summaryOf } from './alternate.ts';
import { readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { commitOne } from './commit-one.ts';
import { newCheckouts, startCommitting } from './committing.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { closedLoop, openLoop } from './load.ts';
import { shown, shownLatencies } from './percentiles.ts';
import { prepareReference, type Run } from './reference.ts';
import type { Section } from './section.ts';
import { wantAtMost } from './want.ts';

const peakClients = 64;
const warmUpOrders = 1_000;
const p99WantedMs = 25;

/** What a commit takes while half of what is possible is asked for, beside a lone transaction written by hand. */
export async function measureHalfLoad(ground: Ground): Promise<Section> {
  const { rounds, secondsPerRun } = ground.pace;
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  const reference = await prepareReference(ground, offers.length);
  const open = newCheckouts(ground.database);
  const committing = await startCommitting(ground.url);
  const one = async (id: string) => (await commitOne(committing.committer, id)).tookMs;
  const peaks: Run[] = [];
  const halves: Run[] = [];
  const lone: Run[] = [];
  let acknowledged = await countOrders(ground.database);
  const closed = async (orders: number) => {
    const checkoutIds = await open(orders);
    await settle(ground.database);
    const run = await closedLoop(peakClients, checkoutIds, one);
    acknowledged += run.orders;
    return run;
  };
  try {
    let peak = await closed(warmUpOrders);
    let alone = await reference.run(1, warmUpOrders / 5);
    for (let round = 0; round < rounds; round += 1) {
      peak = await closed(Math.ceil(peak.perSecond * secondsPerRun));
      const checkoutIds = await open(Math.ceil((peak.perSecond / 2) * secondsPerRun));
      await settle(ground.database);
      const half = await openLoop(peak.perSecond / 2, checkoutIds, one);
      acknowledged += half.orders;
      alone = await reference.run(1, Math.ceil(alone.perSecond * secondsPerRun));
      peaks.push(peak);
      halves.push(half);
      lone.push(alone);
    }
  } finally {
    await committing.close();
  }
  await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  return section(summaryOf(peaks), summaryOf(halves), summaryOf(lone));
}

type Summary = ReturnType<typeof summaryOf>;

function section(peak: Summary, half: Summary, lone: Summary): Section {
  const row = (name: string, { perSecond, latencies }: Summary) => [
    name,
    shown(perSecond),
    ...shownLatencies(latencies),
  ];
  return {
    name: 'half-load',
    title: 'The commit at half load',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms'],
    rows: [
      row(`peak, ${peakClients} at once`, peak),
      row('at half of it, evenly', half),
      row('by hand, one after the other', lone),
    ],
    wants: [wantAtMost('p99 at half load', p99WantedMs, half.latencies.p99, ' ms')],
    notes: [
      `Half load is an open loop: commits begin at an even pace of half of the peak of a moment before, whether or not
      those before are answered, and latency counts from the time at which a commit was due.`,
      `By hand is what one durable transaction of the same rows takes on this disk when nobody else is there.`,
    ],
    figures: { peak, half, lone },
  };
}
