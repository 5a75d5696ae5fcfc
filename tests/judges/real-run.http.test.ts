import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { receiveWebhook } from '../../src/payments/webhooks.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { RunningShop } from '../harness/shop.ts';
import { startShop } from '../harness/shop.ts';
import { mixedTokens, pick, type Random, randomFrom, seedOf } from '../harness/world.ts';
import { plantCard, plantedCard } from '../judges/plant-card.ts';
import { type RealStorefront, startRealStorefront } from '../storefront-api/real-storefront.ts';
import { authorisationsOfBooks, collectEvidence, collectTexts, rememberMessages } from './collect.ts';
import { figuresOf } from './figures.ts';
import { createHistory } from './history.ts';
import { judgeAll } from './judges.ts';
import { createRecordingClient } from './recording-client.ts';
import { awaitRest } from './rest.ts';

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
  shop = await startRealStorefront({ PLENTY: 100_000, MOVES: 100_000, SCARCE: 30 });
  await rememberMessages(shop.scratch.database);
  worker = await startShop(shop.scratch.database, { provider: simulated.provider });
});
afterAll(async () => {
  await worker?.stop();
  simulated.stop();
  await shop?.stop();
});

/** A buyer with checkouts of its own, whose client asks again, twice at once, loses answers and changes its mind. */
async function shopAround(name: string, random: Random): Promise<void> {
  const self = { origin: () => shop.url, apiKey: 'key-shop', history };
  const client = createRecordingClient({ ...self, client: name });
  // Gives up at once, so that it never hears an answer.
  const hasty = createRecordingClient({ ...self, client: `${name} in a tunnel`, timeoutMs: 1 });
  for (let turn = 0; turn < 6; turn += 1) {
    const email = `${name}-${turn}@example.com`;
    const lines = { [pick(random, ['PLENTY', 'MOVES', 'SCARCE'])]: 1 + Math.floor(random() * 3) };
    const opened = (await client.create({ lines, email }, { key: newUuid() })).checkout;
    if (opened === null) throw new Error(`${name} was shown no checkout`);
    const changes = random() < 0.2 ? client.update(opened.checkoutId, { lines: { PLENTY: 2 }, email }) : null;
    const cancels = random() < 0.1 ? client.cancel(opened.checkoutId, { key: newUuid() }) : null;
    if (random() < 0.2) await setPrice(100 + Math.floor(random() * 400));
    const ask = {
      key: newUuid(),
      // The first of each buyer is declined, whatever is drawn: a run without such orders says nothing of them.
      token: turn === 0 ? 'tok_card_declined' : pick(random, mixedTokens),
      agreesTo: changes === null ? pick(random, ['shown', 'version'] as const) : ('anything' as const),
    };
    if (random() < 0.3) await hasty.complete(opened, ask);
    const completes = [client.complete(opened, ask), client.complete(opened, { ...ask, waitSeconds: 3 })];
    if (random() < 0.2) completes.push(client.complete(opened, { ...ask, key: newUuid() }));
    const [told] = await Promise.all([...completes, changes, cancels]);
    await client.complete(opened, { ...ask, waitSeconds: 1 });
    await client.complete(opened, { ...ask, token: 'tok_another' });
    const seen = (await client.read(opened.checkoutId)).checkout ?? told?.checkout ?? opened;
    if (seen.status === 'ready_for_complete') await client.complete(seen, { key: newUuid(), token: 'tok_ok' });
  }
}

async function setPrice(minor: number): Promise<void> {
  const text = `update products set price_minor = $1 where sku = 'MOVES'`;
  await shop.scratch.database.execute({ text, values: [minor] });
}

test('the judges find nothing in a run of many buyers, retries, races and faults', async () => {
  const random = randomFrom(seedOf('the judges over a real run'));
  const self = { origin: () => shop.url, apiKey: 'key-shop', history };
  await plantCard(createRecordingClient({ ...self, client: 'a buyer who types a card number' }), 'PLENTY');
  await Promise.all(Array.from({ length: 8 }, (_, index) => shopAround(`buyer-${index}`, random)));
  const { database } = shop.scratch;
  const isQuiet = async (): Promise<boolean> => simulated.books.deliveries.size === 0;
  expect(await awaitRest({ database, withinMs: 30_000, isQuiet })).toEqual([]);
  const evidence = await collectEvidence(database, {
    history: history.calls(),
    theirs: authorisationsOfBooks(simulated.books),
    planted: [plantedCard],
    texts: await collectTexts(database),
  });
  expect(judgeAll(evidence)).toEqual([]);
  const figures = figuresOf(evidence);
  const least = { acknowledged: 100, refused: 40, unknown: 3, retries: 80, confirmed: 10, cancelled: 2 };
  for (const [name, floor] of Object.entries(least)) expect(figures[name], name).toBeGreaterThanOrEqual(floor);
}, 90_000);
