import { join } from 'node:path';
import type { CommitOptions } from '../src/checkout/commit.run.ts';
import type { Committer } from '../src/checkout/committer.run.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { createWaker } from '../src/messaging/waker.run.ts';
import { newUuid } from '../src/shared/ids.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { commitOne, openCommitter } from './commit-one.ts';
import { startCommitting } from './committing.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { closedLoop, pause } from './load.ts';
import { latenciesOf, shown, shownLatencies } from './percentiles.ts';
import { benchKeys, connectionsMax, startApart } from './processes.ts';
import type { Section } from './section.ts';
import { wantAtLeast } from './want.ts';

/** Orders that are open at any time: more than the queues take at once, so that no worker waits for work. */
const backlogOrders = 1_200;
/** Who commits at once, beside the worker and alone. */
const commitClients = 64;
const ratioWanted = 0.6;
const warmUpSeconds = 3;
const measuredSeconds = 10;
const lightPerSecond = 5;
const lightSeconds = 10;
/** Three of these stay below the amount at which the fraud screen asks a person. */
const unitPriceMinorMax = 150_000n;

/** Orders per second from complete to confirmed, with a worker and a payment provider in processes of their own. */
export async function measureWholeOrders(ground: Ground): Promise<Section> {
  // Before there is a worker; what it leaves in the queues is forgotten with the rest.
  const alone = await commitRate(ground);
  await forgetMessages(ground.database);
  const provider = await startApart({ part: 'provider', dataDir: join(ground.dataDir, 'payment-provider') });
  const worker = await startApart({ part: 'worker', databaseUrl: ground.url, providerUrl: provider.url });
  const database = connect({ url: ground.url, applicationName: 'onetill bench commit', connectionsMax });
  const failures: Error[] = [];
  const options: CommitOptions = {
    database,
    newId: newUuid,
    waker: createWaker(database, (error) => failures.push(error)),
  };
  const committer = openCommitter(options);
  try {
    const before = await countOrders(ground.database);
    const light = await lightLoad(ground, committer);
    const busy = await steadyBacklog(ground, committer);
    const acknowledged = light.orderIds.length + busy.orderIds.length;
    await drained(ground.database);
    await checkEnds(ground.database, provider.url, [...light.orderIds, ...busy.orderIds]);
    await checkPromises(ground.database, demoMerchant.merchantId, before + acknowledged);
    const [first] = failures;
    if (first !== undefined) throw first;
    return section(light.latencies, busy, alone.perSecond);
  } finally {
    await database.close();
    await worker.stop();
    await provider.stop();
  }
}

type Busy = {
  readonly perSecond: number;
  readonly latencies: ReturnType<typeof latenciesOf>;
  readonly orderIds: string[];
};

function section(light: ReturnType<typeof latenciesOf>, busy: Busy, commitsPerSecond: number): Section {
  return {
    name: 'whole-orders',
    title: 'Whole orders, from complete to confirmed',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms'],
    rows: [
      [`a steady backlog of ${backlogOrders}`, shown(busy.perSecond), ...shownLatencies(busy.latencies)],
      [`the commit alone, ${commitClients} at once`, shown(commitsPerSecond), '', '', ''],
      [`${lightPerSecond} orders a second`, shown(lightPerSecond), ...shownLatencies(light)],
    ],
    wants: [wantAtLeast('whole orders, of the rate of commits', ratioWanted, busy.perSecond / commitsPerSecond)],
    notes: [
      `Confirmed means: screened for fraud, authorised by the payment provider over HTTP, stock sold. One worker
      process with the settings of \`npm start\`, and the simulator in a process of its own, answering at once;
      webhooks are not sent.`,
      `Steady: this process commits a new order for each that is confirmed, so committing is paid for out of the
      same two cores. Counted over ${measuredSeconds} s after ${warmUpSeconds} s of warming up, by the server's
      own times.`,
      `Latency is from the time at which the commit began to that at which the confirming transaction began, by
      the clock of the server; at a backlog it is the backlog divided by the rate.`,
    ],
    figures: {
      perSecond: busy.perSecond,
      commitsPerSecond,
      backlogOrders,
      busy: busy.latencies,
      lightPerSecond,
      light,
    },
  };
}

/** One order after the other at an even pace, each with nothing but itself to wait for. */
async function lightLoad(ground: Ground, committer: Committer) {
  const count = lightPerSecond * lightSeconds;
  const checkoutIds = await openCheap(ground, count + lightPerSecond, 71);
  await settle(ground.database);
  const orderIds: string[] = [];
  for (const checkoutId of checkoutIds) {
    const { orderId, tookMs } = await commitOne(committer, checkoutId);
    orderIds.push(orderId);
    await pause(Math.max(0, 1000 / lightPerSecond - tookMs));
  }
  await drained(ground.database);
  const { latenciesMs } = await readEnds(ground.database, orderIds.slice(lightPerSecond));
  return { orderIds, latencies: latenciesOf(latenciesMs) };
}

async function steadyBacklog(ground: Ground, committer: Committer): Promise<Busy> {
  const rateMax = 2_500;
  const checkoutIds = await openCheap(ground, backlogOrders + rateMax * (warmUpSeconds + measuredSeconds), 72);
  await settle(ground.database);
  const waiting = checkoutIds.values();
  const orderIds: string[] = [];
  const endMs = performance.now() + (warmUpSeconds + measuredSeconds) * 1000;
  const startedAt = await serverTime(ground.database);
  const lookEveryMs = 40;
  while (performance.now() < endMs) {
    const open = await countMessages(ground.database);
    let missing = backlogOrders - open;
    const feeders = Array.from({ length: commitClients }, async () => {
      while (missing > 0) {
        missing -= 1;
        const next = waiting.next();
        if (next.done) throw new Error(`more than ${rateMax} orders a second: open more checkouts`);
        orderIds.push((await commitOne(committer, next.value)).orderId);
      }
    });
    await Promise.all([...feeders, pause(lookEveryMs)]);
  }
  const stoppedAt = await serverTime(ground.database);
  await drained(ground.database);
  const from = startedAt.getTime() + warmUpSeconds * 1000;
  const { latenciesMs, endedAtMs } = await readEnds(ground.database, orderIds);
  const counted = endedAtMs.map((at) => at >= from && at < stoppedAt.getTime());
  const seconds = (stoppedAt.getTime() - from) / 1000;
  return {
    perSecond: counted.filter(Boolean).length / seconds,
    latencies: latenciesOf(latenciesMs.filter((_, index) => counted[index])),
    orderIds,
  };
}

/** What the commit reaches by itself. */
async function commitRate(ground: Ground) {
  const checkoutIds = await openCheap(ground, 500 + 2_000 * ground.pace.secondsPerRun, 73);
  const committing = await startCommitting(ground.url);
  await settle(ground.database);
  try {
    const one = async (id: string) => (await commitOne(committing.committer, id)).tookMs;
    return await closedLoop(commitClients, checkoutIds, one);
  } finally {
    await committing.close();
  }
}

async function openCheap(ground: Ground, count: number, seed: number): Promise<string[]> {
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  return await openCheckouts(
    ground.database,
    offers.filter(({ priceMinor }) => priceMinor <= unitPriceMinorMax),
    {
      count,
      seed,
    },
  );
}

/** Orders of other measurements were committed without a worker; their sagas are not this measurement's. */
async function forgetMessages(database: Database): Promise<void> {
  await database.execute({ text: 'truncate messages' });
}

/** One live message per order that is on its way. */
async function countMessages(database: Database): Promise<number> {
  const rows = await database.query<{ count: number }>({
    name: 'bench_count_messages',
    text: 'select count(*)::integer as count from messages',
  });
  return rows[0]?.count ?? 0;
}

async function drained(database: Database): Promise<void> {
  const waitMsMax = 60_000;
  const pauseMs = 50;
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += pauseMs) {
    if ((await countMessages(database)) === 0) return;
    await pause(pauseMs);
  }
  throw new Error(`${await countMessages(database)} messages are still there after ${waitMsMax / 1000} s`);
}

async function readEnds(database: Database, orderIds: readonly string[]) {
  const rows = await database.query<{ tookMs: number; endedAt: Date }>({
    text: `
      select (1000 * extract(epoch from status_since - created_at))::double precision as "tookMs",
             status_since as "endedAt"
      from orders where order_id = any($1::uuid[]) and status = 'confirmed'`,
    values: [orderIds],
  });
  if (rows.length !== orderIds.length) {
    throw new Error(`${orderIds.length} orders were acknowledged and ${rows.length} of them confirmed`);
  }
  return { latenciesMs: rows.map((row) => row.tookMs), endedAtMs: rows.map((row) => row.endedAt.getTime()) };
}

/** Every order was authorised exactly once, by the provider's own books. */
async function checkEnds(database: Database, providerUrl: string, orderIds: readonly string[]): Promise<void> {
  await readEnds(database, orderIds);
  const headers = { 'x-control-secret': benchKeys.controlSecret };
  const books = await (await fetch(`${providerUrl}/control/books`, { headers })).text();
  const keys = books
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; key?: string })
    .filter(({ type }) => type === 'authorisation')
    .map(({ key }) => key);
  const wanted = new Set(orderIds.map((orderId) => `${orderId}-authorise`));
  if (keys.length !== wanted.size || keys.some((key) => !wanted.has(key ?? ''))) {
    throw new Error(`the provider has ${keys.length} authorisations for ${wanted.size} orders`);
  }
}

async function serverTime(database: Database): Promise<Date> {
  const rows = await database.query<{ now: Date }>({ text: 'select clock_timestamp() as now' });
  return rows[0]?.now ?? new Date();
}
