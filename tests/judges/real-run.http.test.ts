import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { receiveWebhook } from '../../src/payments/webhooks.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { RunningShop } from '../harness/shop.ts';
import { startShop } from '../harness/shop.ts';
import { atRest, mixedTokens, pick, randomFrom, seedOf } from '../harness/world.ts';
import { type RealStorefront, startRealStorefront } from '../storefront-api/real-storefront.ts';
import { authorisationsOfBooks, collectEvidence, rememberMessages } from './collect.ts';
import { figuresOf } from './figures.ts';
import { createHistory } from './history.ts';
import { judgeAll } from './judges.ts';
import { createRecordingClient } from './recording-client.ts';

/** The judges over a run of the real thing: HTTP, PostgreSQL, a worker, and a provider that fails in every way. */

let shop: RealStorefront;
let worker: RunningShop;
const history = createHistory();
const simulated = createInMemoryProvider({
  nowMs: machineClock.nowMs,
  newId: newUuid,
  sleep,
  deadlineMs: 300,
  async onWebhook(eventId, body) {
    const receiver = { database: shop.scratch.database, newId: newUuid, waker: { wake() {} } };
    const event = { provider: 'simulated', eventId, body: JSON.parse(body) as unknown, traceparent: null };
    return (await receiveWebhook(receiver, event)) === null;
  },
  onError(error) {
    throw error;
  },
});

beforeAll(async () => {
  shop = await startRealStorefront({ PLENTY: 100_000, SCARCE: 12 });
  await rememberMessages(shop.scratch.database);
  worker = await startShop(shop.scratch.database, { provider: simulated.provider });
});
afterAll(async () => {
  await worker?.stop();
  simulated.stop();
  await shop?.stop();
});

test('the judges find nothing in a run of many buyers, retries, races and faults', async () => {
  const random = randomFrom(seedOf('the judges over a real run'));
  const lost = { next: 0 };
  await Promise.all(Array.from({ length: 8 }, (_, index) => buyer(`buyer-${index}`)));

  async function buyer(name: string): Promise<void> {
    const client = createRecordingClient({ origin: () => shop.url, apiKey: 'key-shop', client: name, history });
    // Its answers are lost as soon as they are asked for.
    const nowhere = createRecordingClient({
      origin: () => shop.url,
      apiKey: 'key-shop',
      client: `${name} in a tunnel`,
      history,
      timeoutMs: 1,
    });
    for (let turn = 0; turn < 12; turn += 1) {
      const email = `${name}-${turn}@example.com`;
      const sku = pick(random, ['PLENTY', 'PLENTY', 'SCARCE']);
      const opened = await client.create({ lines: { [sku]: 1 + Math.floor(random() * 3) }, email }, { key: newUuid() });
      if (opened.checkout === null) throw new Error(JSON.stringify(opened));
      const { checkoutId } = opened.checkout;
      let seen = opened.checkout;
      if (random() < 0.2) {
        const changed = await client.update(checkoutId, { lines: { PLENTY: 2 }, email }, { key: newUuid() });
        seen = changed.checkout ?? seen;
      }
      if (random() < 0.1) await client.cancel(checkoutId, { key: newUuid() });
      const key = newUuid();
      const token = pick(random, mixedTokens);
      const ask = { key, token, agreesTo: pick(random, ['shown', 'version'] as const) };
      if (random() < 0.3) lost.next += (await nowhere.complete(seen, ask)).outcome.kind === 'unknown' ? 1 : 0;
      const both = [client.complete(seen, ask), client.complete(seen, { ...ask, waitSeconds: 3 })];
      if (random() < 0.2) both.push(client.complete(seen, { key: newUuid(), token }));
      await Promise.all(both);
      await client.complete(seen, { ...ask, waitSeconds: 1 });
      await client.read(checkoutId);
      const again = await client.complete(seen, { key, token: 'tok_other' });
      expect(again.outcome).toMatchObject({ kind: 'refused' });
    }
  }
  await atRest(shop.scratch.database);
  await sleep(600);
  const evidence = await collectEvidence(shop.scratch.database, {
    history: history.calls(),
    theirs: authorisationsOfBooks(simulated.books),
  });
  console.info(figuresOf(evidence), lost);
  expect(judgeAll(evidence)).toEqual([]);
  const figures = figuresOf(evidence);
  expect(figures.acknowledged).toBeGreaterThan(200);
  expect(figures.unknown).toBeGreaterThan(5);
  expect(figures.confirmed).toBeGreaterThan(20);
  expect(figures.cancelled).toBeGreaterThan(3);
}, 60_000);
