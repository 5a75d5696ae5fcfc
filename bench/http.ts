import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { alternate, type Compared } from './alternate.ts';
import { readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { newCheckouts } from './committing.ts';
import { countOrders, type Ground } from './ground.ts';
import { acceptedRun, completed, completeRequest, startGenerator } from './http-load.ts';
import { shown, shownLatencies } from './percentiles.ts';
import { startApart } from './processes.ts';
import { prepareReference, type Run } from './reference.ts';
import type { Section } from './section.ts';
import { wantAtLeast } from './want.ts';

const concurrencies = [16, 64, 128] as const;
/** From as many connections on, and of as many clients of the reference. */
const decisiveFrom = 64;
const ratioWanted = 1.5;

/** Completes per second over HTTP: the API and the generator each in a process of its own, on the same cores. */
export async function measureHttp(ground: Ground): Promise<Section> {
  const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
  const reference = await prepareReference(ground, offers.length);
  const open = newCheckouts(ground.database);
  const api = await startApart({ part: 'api', databaseUrl: ground.url });
  const generator = await startGenerator();
  let acknowledged = await countOrders(ground.database);
  let generatorSeconds = 0;
  let loadedSeconds = 0;
  const ours = async (connections: number, orders: number): Promise<Run> => {
    const requests = (await open(orders)).map(completeRequest);
    const plan = { url: api.url, connections, perSecond: null, requests, repeats: 1, expected: completed };
    const result = await generator.run(plan);
    generatorSeconds += result.cpuSeconds;
    loadedSeconds += result.seconds;
    acknowledged += result.latenciesMs.length;
    return acceptedRun(result);
  };
  const results: Compared[] = [];
  try {
    for (const clients of concurrencies) {
      results.push(await alternate(ground, clients, { ours, byHand: reference.run }));
    }
    await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
  } finally {
    await generator.stop();
    await api.stop();
  }
  return section(ground, results, generatorSeconds / loadedSeconds);
}

function section(ground: Ground, results: readonly Compared[], generatorShare: number): Section {
  const { rounds, secondsPerRun } = ground.pace;
  return {
    name: 'http',
    title: 'Complete over HTTP, beside transactions written by hand',
    columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio'],
    rows: results.flatMap(({ clients, ours, theirs, ratio }) => [
      [`complete, ${clients} at once`, shown(ours.perSecond), ...shownLatencies(ours.latencies), shown(ratio)],
      [`by hand, ${clients} at once`, shown(theirs.perSecond), ...shownLatencies(theirs.latencies), '1'],
    ]),
    wants: results
      .filter(({ clients }) => clients >= decisiveFrom)
      .map(({ clients, ratio }) => wantAtLeast(`at ${clients} at once, of the rate by hand`, ratioWanted, ratio)),
    notes: [
      `POST …/complete of the Universal Commerce Protocol with an Idempotency-Key, answered when the order is
      committed. The key, the schema, the card-number check and the whole answer are part of it; no worker runs beside
      it. By hand is the reference of the commit: without HTTP.`,
      `One API process with the settings of \`npm start\`. The generator is a process of its own on the same cores: it
      writes requests that were made beforehand onto kept-alive connections, one at a time on each, and takes
      ${shown(generatorShare * 100)} % of one core.`,
      `Medians of ${rounds} runs of some ${secondsPerRun} s, alternating with the reference.`,
    ],
    figures: { results, generatorShare },
  };
}
