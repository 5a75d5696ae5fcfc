import { Pool } from 'undici';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { newUuid } from '../src/shared/ids.ts';
import { prefix } from '../src/storefront-api/ucp/v2026-04-08/version.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { latenciesOf, median, medianLatencies, shown, shownLatencies } from './percentiles.ts';
import { startApart } from './processes.ts';
import type { Run } from './reference.ts';
import type { Section } from './section.ts';

const clients = 16;
const runs = 3;
const secondsPerRun = 3;
const warmUpOrders = 600;

/** Completes per second over HTTP: the API in a process of its own, the load in this one, on the same cores. */
export async function measureHttp(ground: Ground): Promise<Section> {
  const api = await startApart({ part: 'api', databaseUrl: ground.url });
  const pool = new Pool(api.url, { connections: clients });
  try {
    const before = await countOrders(ground.database);
    const offers = await readAllOffers(ground.database, demoMerchant.merchantId);
    const open = (count: number, seed: number) => openCheckouts(ground.database, offers, { count, seed });
    const warmUp = await completeAll(pool, await open(warmUpOrders, 81));
    const perRun = Math.ceil(warmUp.perSecond * secondsPerRun);
    const measured: Run[] = [];
    for (let run = 0; run < runs; run += 1) {
      const checkoutIds = await open(perRun, 82 + run);
      await settle(ground.database);
      measured.push(await completeAll(pool, checkoutIds));
    }
    const acknowledged = measured.reduce((sum, run) => sum + run.orders, warmUp.orders);
    await checkPromises(ground.database, demoMerchant.merchantId, before + acknowledged);
    const perSecond = median(measured.map((run) => run.perSecond));
    const latencies = medianLatencies(measured.map((run) => latenciesOf(run.latenciesMs)));
    return {
      name: 'http',
      title: 'Complete over HTTP',
      columns: ['', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms'],
      rows: [[`complete, ${clients} at once`, shown(perSecond), ...shownLatencies(latencies)]],
      notes: [
        `POST …/complete of the Universal Commerce Protocol with an Idempotency-Key, answered when the order is
        committed. The key, the schema, the card-number check and the whole answer are part of it; no worker
        runs beside it.`,
        `One API process with the settings of \`npm start\`; ${clients} kept-alive connections from this process.
        Median of ${runs} runs of some ${secondsPerRun} s after a warm-up.`,
      ],
      figures: { clients, perSecond, latencies, runsPerSecond: measured.map((run) => Math.round(run.perSecond)) },
    };
  } finally {
    await pool.close();
    await api.stop();
  }
}

const body = JSON.stringify({
  payment: {
    instruments: [
      {
        id: 'card',
        handler_id: 'simulated',
        type: 'card',
        selected: true,
        credential: { type: 'token', token: 'tok_ok' },
      },
    ],
  },
});

async function completeAll(pool: Pool, checkoutIds: readonly string[]): Promise<Run> {
  const latenciesMs: number[] = [];
  const waiting = checkoutIds.values();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (const checkoutId of waiting) latenciesMs.push(await completeOne(pool, checkoutId));
    }),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  return { orders: latenciesMs.length, perSecond: latenciesMs.length / seconds, latenciesMs };
}

async function completeOne(pool: Pool, checkoutId: string): Promise<number> {
  const beganMs = performance.now();
  const response = await pool.request({
    method: 'POST',
    path: `${prefix}/checkout-sessions/chk_${checkoutId}/complete`,
    headers: {
      'x-api-key': demoMerchant.apiKey,
      'content-type': 'application/json',
      'idempotency-key': newUuid(),
    },
    body,
  });
  const answer = await response.body.text();
  const tookMs = performance.now() - beganMs;
  if (response.statusCode !== 200 || !answer.includes('"complete_in_progress"')) {
    throw new Error(`a complete was answered with ${response.statusCode}: ${answer.slice(0, 500)}`);
  }
  return tookMs;
}
