import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { isRefused } from '../src/shared/failure.ts';
import type { Database } from '../src/shared/postgres/client.ts';
import { summaryOf } from './alternate.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { BrokenPromise, checkPromises } from './checks.ts';
import { requestFor } from './commit-one.ts';
import { type Committing, startCommitting } from './committing.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { closedLoop } from './load.ts';
import { median, shown, shownLatencies } from './percentiles.ts';
import type { Run } from './reference.ts';
import type { Section } from './section.ts';
import { wantAtLeast, wantAtMost } from './want.ts';

const unitShare = 0.1;
/** Buyers who wait for their answer at any time. */
const atOnce = 256;
const ratioWanted = 0.9;

/** Ten thousand buyers of one product of which there are a thousand, beside as many buyers of different ones. */
export async function measureHotItem(ground: Ground): Promise<Section> {
  const buyers = ground.pace.hotBuyers;
  const units = buyers * unitShare;
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  const committing = await startCommitting(ground.url);
  let acknowledged = await countOrders(ground.database);
  const hots: Hot[] = [];
  const uniforms: Run[] = [];
  const runUniform = async (round: number) => {
    const options = { count: buyers, seed: 4_000 + round, linesEach: 1 };
    const checkoutIds = await openCheckouts(ground.database, offers, options);
    await settle(ground.database);
    const uniform = await buy(committing, checkoutIds);
    if (uniform.accepted.length !== buyers) throw new Error(`${uniform.accepted.length} of ${buyers} could buy`);
    acknowledged += buyers;
    uniforms.push(uniform.run);
  };
  const runHot = async (round: number) => {
    const hot = await sellHot(ground.database, committing, { sku: `HOT-${round}`, buyers, units });
    acknowledged += hot.accepted.length;
    hots.push(hot);
  };
  try {
    for (let round = 0; round < ground.pace.rounds; round += 1) {
      for (const run of round % 2 === 0 ? [runHot, runUniform] : [runUniform, runHot]) await run(round);
    }
    await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  } finally {
    await committing.close();
  }
  return section({ hots, uniforms, buyers, units });
}

type Hot = {
  readonly run: Run;
  /** The places in the order of arrival of those who were accepted. */
  readonly accepted: readonly number[];
  /** Orders a second until the last unit was sold. */
  readonly sellingPerSecond: number;
};

async function sellHot(
  database: Database,
  committing: Committing,
  sale: { readonly sku: string; readonly buyers: number; readonly units: number },
): Promise<Hot> {
  await stockHot(database, sale.sku, sale.units);
  const offers = await readAllOffers(database, demoMerchant.merchantId);
  const hot = offers.filter(({ sku }) => sku === sale.sku);
  const checkoutIds = await openCheckouts(database, hot, { count: sale.buyers, seed: 1, linesEach: 1 });
  await settle(database);
  const bought = await buy(committing, checkoutIds);
  const rows = await database.query<{ held: bigint }>({
    text: 'select held_units as held from stock where merchant_id = $1 and sku = $2',
    values: [demoMerchant.merchantId, sale.sku],
  });
  const told = `${sale.units} units, ${bought.accepted.length} accepted, ${rows[0]?.held} held`;
  if (bought.accepted.length !== sale.units || rows[0]?.held !== BigInt(sale.units)) throw new BrokenPromise(told);
  // It is no part of the assortment that others draw from.
  await database.execute({
    text: 'update products set active = false where merchant_id = $1 and sku = $2',
    values: [demoMerchant.merchantId, sale.sku],
  });
  return { ...bought, sellingPerSecond: (sale.units * 1000) / bought.lastAcceptedMs };
}

/** Every buyer comes in the order of the list, and is told that there is an order or that there is nothing left. */
async function buy(committing: Committing, checkoutIds: readonly string[]) {
  const accepted: number[] = [];
  let lastAcceptedMs = 0;
  const arrivals = checkoutIds.map((checkoutId, place) => ({ checkoutId, place }));
  const startedMs = performance.now();
  const run = await closedLoop(atOnce, arrivals, async ({ checkoutId, place }) => {
    const beganMs = performance.now();
    const outcome = await committing.committer.commit(requestFor(checkoutId));
    const nowMs = performance.now();
    if (!isRefused(outcome) && outcome.outcome === 'committed') {
      accepted.push(place);
      lastAcceptedMs = nowMs - startedMs;
    } else {
      const refusal = isRefused(outcome) ? outcome : outcome.refusal;
      if (refusal.code !== 'out_of_stock') throw new Error(`a buyer was refused: ${refusal.code} ${refusal.message}`);
    }
    return nowMs - beganMs;
  });
  return { run, accepted, lastAcceptedMs };
}

async function stockHot(database: Database, sku: string, units: number): Promise<void> {
  await database.execute({
    text: `
      with listed as (
        insert into products (merchant_id, sku, title, price_minor, currency) values ($1, $2, 'HOT', 255, 'GBP')
        returning merchant_id, sku
      ), stocked as (
        insert into stock (merchant_id, sku, received_units) select merchant_id, sku, $3 from listed
        returning merchant_id, sku
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      select gen_random_uuid(), merchant_id, sku, $3, 'bench', 'bench' from stocked`,
    values: [demoMerchant.merchantId, sku, units],
  });
}

/** How far the acceptance departs from arrival: who got a unit though a thousand came earlier, and how late. */
function unfairness({ accepted }: Hot, units: number) {
  const late = accepted.filter((place) => place >= units).map((place) => place - units + 1);
  return { overtakers: late.length, furthest: Math.max(0, ...late) };
}

function section(found: {
  readonly hots: readonly Hot[];
  readonly uniforms: readonly Run[];
  readonly buyers: number;
  readonly units: number;
}): Section {
  const { hots, uniforms, buyers, units } = found;
  const hot = summaryOf(hots.map(({ run }) => run));
  const uniform = summaryOf(uniforms);
  const ratio = median(hots.map(({ run }, index) => run.perSecond / (uniforms[index]?.perSecond ?? Number.NaN)));
  const selling = median(hots.map(({ sellingPerSecond }) => sellingPerSecond));
  const fair = hots.map((each) => unfairness(each, units));
  const overtakers = Math.max(...fair.map((each) => each.overtakers));
  const furthest = Math.max(...fair.map((each) => each.furthest));
  return {
    name: 'hot-item',
    title: 'One product that everybody wants',
    columns: ['', 'buyers/s', 'p50 ms', 'p95 ms', 'p99 ms'],
    rows: [
      ['one product', shown(hot.perSecond), ...shownLatencies(hot.latencies)],
      ['one product, until it was sold', shown(selling), '', '', ''],
      ['many products', shown(uniform.perSecond), ...shownLatencies(uniform.latencies)],
    ],
    wants: [
      wantAtLeast('one product, of the rate of many', ratioWanted, ratio),
      wantAtLeast('while units were left, of the rate of many', ratioWanted, selling / uniform.perSecond),
      wantAtMost(`accepted though they were not among the first ${units}`, 0, overtakers),
    ],
    notes: [
      `${buyers} buyers, ${units} units, one unit each, ${atOnce} buyers waiting for their answer at any time. Each is
      answered with an order or with \`out_of_stock\`. Among many products everyone gets an order, which is more work.
      The run fails if there are more orders than units, or fewer.`,
      `Fair by arrival: of those who were accepted at most ${overtakers} were not among the first ${units} that came;
      the furthest was ${furthest} places behind.`,
    ],
    figures: { hot, uniform, ratio, selling, buyers, units, fair },
  };
}
