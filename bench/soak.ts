import { join } from 'node:path';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import type { Database } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { countOrders, type Ground } from './ground.ts';
import { acceptedRun, completed, completeRequest, startGenerator } from './http-load.ts';
import { eventually } from './load.ts';
import { memoryOf } from './memory.ts';
import { median, shown } from './percentiles.ts';
import { startApart } from './processes.ts';
import type { Section } from './section.ts';
import { wantAtMost } from './want.ts';

const connections = 64;
const windowSeconds = 3;
const peakOrders = 1_500;
const growthWantedMax = 1.1;
/** Three of these stay below the amount at which the fraud screen asks a person. */
const unitPriceMinorMax = 150_000n;

/** Half of what can be carried to its end, for minutes or an hour: whether anything grows that should not. */
export async function measureSoak(ground: Ground): Promise<Section> {
  const { database } = ground;
  await database.execute({ text: 'truncate messages' });
  const before = await countOrders(database);
  const provider = await startApart({ part: 'provider', dataDir: join(ground.dataDir, 'soak-provider') });
  const api = await startApart({ part: 'api', databaseUrl: ground.url });
  const worker = await startApart({ part: 'worker', databaseUrl: ground.url, providerUrl: provider.url });
  const generator = await startGenerator();
  let orders = 0;
  const load = async (perSecond: number | null, count: number) => {
    const requests = (await cheapCheckouts(database, count, 6_000 + orders)).map(completeRequest);
    orders += count;
    const plan = { url: api.url, connections, perSecond, requests, repeats: 1, expected: completed };
    return acceptedRun(await generator.run(plan));
  };
  try {
    const beganMs = performance.now();
    await load(null, peakOrders);
    await drained(database);
    const peak = (peakOrders * 1000) / (performance.now() - beganMs);
    const windows = Math.max(8, Math.round((ground.pace.soakMinutes * 60) / windowSeconds));
    const samples: Sample[] = [];
    for (let window = 0; window < windows; window += 1) {
      await load(peak / 2, Math.ceil((peak / 2) * windowSeconds));
      samples.push(await sample(database, { api: api.pid, worker: worker.pid, postgres: ground.serverPid }));
    }
    await drained(database);
    await checkPromises(database, demoMerchant.merchantId, before + orders);
    return section({ samples, peak, windows });
  } finally {
    await generator.stop();
    await worker.stop();
    await api.stop();
    await provider.stop();
  }
}

async function cheapCheckouts(database: Database, count: number, seed: number): Promise<string[]> {
  const offers = await readAllOffers(database, demoMerchant.merchantId);
  const cheap = offers.filter(({ priceMinor }) => priceMinor <= unitPriceMinorMax);
  return await openCheckouts(database, cheap, { count, seed });
}

async function drained(database: Database): Promise<void> {
  const done = await eventually(async () => ((await queueOf(database)).waiting === 0 ? true : null));
  if (done === null) throw new Error('the queues are not empty after a minute without load');
}

type Queue = { readonly waiting: number; readonly queueKib: number };

async function queueOf(database: Database): Promise<Queue> {
  const rows = await database.query<Queue>({
    text: `
      select (select count(*) from messages)::integer as waiting,
             (pg_total_relation_size('messages') / 1024)::integer as "queueKib"`,
  });
  return rows[0] ?? { waiting: 0, queueKib: 0 };
}

type Sample = Queue & { readonly apiMib: number; readonly workerMib: number; readonly postgresMib: number };

async function sample(database: Database, pids: { api: number; worker: number; postgres: number }): Promise<Sample> {
  const api = memoryOf(pids.api, pids.postgres);
  const worker = memoryOf(pids.worker, pids.postgres);
  return {
    ...(await queueOf(database)),
    apiMib: api?.nodeMib ?? 0,
    workerMib: worker?.nodeMib ?? 0,
    postgresMib: api?.postgresMib ?? 0,
  };
}

/** The first quarter warms up; the second is compared with the last. */
function compare(samples: readonly Sample[], name: keyof Sample) {
  const quarter = Math.floor(samples.length / 4);
  const middle = (part: readonly Sample[]) => median(part.map((each) => each[name]));
  const early = middle(samples.slice(quarter, 2 * quarter));
  const late = middle(samples.slice(-quarter));
  return { early, late, growth: early === 0 ? 1 : late / early };
}

function section(found: {
  readonly samples: readonly Sample[];
  readonly peak: number;
  readonly windows: number;
}): Section {
  const { samples, peak, windows } = found;
  const parts = [
    ['memory of the API, MiB', 'apiMib', true],
    ['memory of the worker, MiB', 'workerMib', true],
    ['memory of PostgreSQL, MiB', 'postgresMib', false],
    ['size of the queue table, KiB', 'queueKib', true],
    ['messages that wait', 'waiting', false],
  ] as const;
  const compared = parts.map(([what, name, isWanted]) => ({ what, isWanted, ...compare(samples, name) }));
  return {
    name: 'soak',
    title: 'Half load for a while',
    columns: ['', 'second quarter', 'last quarter', 'growth'],
    rows: compared.map(({ what, early, late, growth }) => [what, shown(early), shown(late), shown(growth)]),
    wants: compared
      .filter(({ isWanted }) => isWanted)
      .map(({ what, growth }) => wantAtMost(`growth of the ${what.replace(/,.*/, '')}`, growthWantedMax, growth)),
    notes: [
      `${windows} windows of ${windowSeconds} s at ${shown(peak / 2)} orders/s over HTTP, half of the
      ${shown(peak)} orders/s that were carried to their end beforehand; an API, a worker and the simulator, each in a
      process of its own. \`--soak-minutes 60\` makes it an hour. Medians of each quarter; the first one warms up.`,
      `PostgreSQL's memory grows until its shared buffers are full, and no limit is set for it here. In the end every
      order was in the books and no message was left.`,
    ],
    figures: { peak, windows, windowSeconds, samples: samples.slice(-200) },
  };
}
