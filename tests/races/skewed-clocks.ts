import { newUuid } from '../../src/shared/ids.ts';
import { limits } from '../../src/shared/limits.ts';
import { pick } from '../harness/chance.ts';
import { type HttpShop, shopSecrets } from '../harness/http-shop.ts';
import type { Violation } from '../judges/judge.ts';
import { createRecordingClient, type RecordingClient } from '../judges/recording-client.ts';
import { type Launched, launch } from './launched.ts';
import { type Ground, inLanes, type Race, raceIn, violationsOf } from './race.ts';
import { startWebhookRouter, type WebhookRouter } from './webhook-router.ts';

const hourMs = 3_600_000;
/** How far an expiry may be from where the database's clock puts it: the length of the race, with room. */
const slackMs = 300_000;

const tokens = ['tok_ok', 'tok_ok', 'tok_ok.act_and_cut', 'tok_ok.webhook:early', 'tok_card_declined'] as const;

/** Three shops over one database, of which one is an hour ahead of the provider and one an hour behind. */
export const skewedClocks: Race = {
  name: 'clocks an hour ahead and an hour behind',
  async run(ground) {
    const instances: string[] = [];
    // Each event comes to the two skewed instances first, which refuse it, and then to the one whose clock is right.
    const router = await startWebhookRouter(async ({ attempt }) => instances[(attempt - 1) % instances.length] ?? null);
    try {
      return await raceIn(
        ground,
        { stock: { PLENTY: 1_000_000 }, apis: 1, workers: 1, sweepers: 1, webhookUrl: () => router.url },
        async (shop) => {
          const task = { databaseUrl: shop.databaseUrl, providerUrl: shop.providerUrl };
          const runs = ['api', 'worker', 'sweeper'] as const;
          const skewed = await Promise.all([hourMs, -hourMs].map((skewMs) => launch({ ...task, runs }, { skewMs })));
          try {
            instances.push(...skewed.flatMap(({ apiUrl }) => apiUrl ?? []), ...shop.apis);
            return await raceAmong(ground, shop, skewed, instances, router);
          } finally {
            await Promise.all(skewed.map((each) => each.stop()));
          }
        },
      );
    } finally {
      await router.stop();
    }
  },
};

async function raceAmong(
  { scale, random, progress }: Ground,
  shop: HttpShop,
  skewed: readonly Launched[],
  instances: readonly string[],
  router: WebhookRouter,
): Promise<{ violations: Violation[]; figures: Record<string, number> }> {
  const orders = scale === 'full' ? 150 : 24;
  const paying: string[] = [];
  await inLanes(6, [...Array(orders).keys()], async (index) => {
    const token = pick(random, tokens);
    // Opened, changed and bought at instances with different clocks.
    const [first, second, third] = [0, 1, 2].map((more) => buyerAt(shop, instances, index + more));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three instances');
    const cart = { lines: { PLENTY: 1 }, email: `${newUuid()}@example.com` };
    const opened = await first.create(cart, { key: newUuid(), triesMax: 10 });
    const id = opened.checkout?.checkoutId ?? '';
    const changed = await second.update(id, { ...cart, lines: { PLENTY: 2 } }, { key: newUuid(), triesMax: 10 });
    if (changed.checkout === null) throw new Error(`the checkout was not changed: ${JSON.stringify(changed.outcome)}`);
    const told = await third.complete(changed.checkout, { key: newUuid(), token, agreesTo: 'version', triesMax: 10 });
    if (told.outcome.kind !== 'ok') throw new Error(`no order: ${JSON.stringify(told.outcome)}`);
    if (token.startsWith('tok_ok') && told.outcome.orderId !== null) paying.push(told.outcome.orderId);
  });
  progress(`skewed clocks: ${orders} orders are committed`);
  await ended(shop);
  const refused = router.answers.get(401) ?? 0;
  const worked = skewed.filter(({ handled }) => handled.length > 0).length;
  return {
    violations: [
      ...(await lookAt(shop, paying)),
      ...violationsOf(
        9,
        'webhooks under skewed clocks',
        refused === 0 && `no event was refused for its time: ${JSON.stringify([...router.answers])}`,
        (router.answers.get(202) ?? 0) === 0 && 'no event was taken by the instance whose clock is right',
      ),
      ...violationsOf(
        5,
        'processes with skewed clocks',
        worked < skewed.length && `only ${worked} of ${skewed.length} skewed workers handled anything`,
        skewed.some((each, index) => Math.abs(each.clockAheadMs - (index === 0 ? hourMs : -hourMs)) > slackMs) &&
          'a clock was not moved, so that nothing was tried',
      ),
    ],
    figures: { 'orders among skewed clocks': orders, 'webhooks refused for their time': refused },
  };
}

function buyerAt(shop: HttpShop, instances: readonly string[], index: number): RecordingClient {
  const origin = instances[index % instances.length] ?? '';
  return createRecordingClient({
    origin: () => origin,
    apiKey: 'key-shop',
    client: `buyer-${newUuid()}`,
    history: shop.history,
  });
}

const endedWithinMs = 45_000;

/** All orders have ended and all events have arrived, while the skewed processes are still there to do it. */
async function ended(shop: HttpShop): Promise<void> {
  const deadline = Date.now() + endedWithinMs;
  while (Date.now() < deadline) {
    const [open] = await shop.database.query<{ count: number }>({
      text: `select count(*)::integer as count from orders where status not in ('confirmed', 'cancelled')`,
    });
    if (open?.count === 0 && (await pendingEvents(shop)) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function pendingEvents(shop: HttpShop): Promise<number> {
  const books = await fetch(`${shop.providerUrl}/control/books`, {
    headers: { 'x-control-secret': shopSecrets.control },
  });
  const totals = JSON.parse((await books.text()).trimEnd().split('\n').at(-1) ?? '{}') as {
    webhooks: { pending: number };
  };
  return totals.webhooks.pending;
}

/** Who pays in time is not taken for late, and what expires does so by the clock that all share. */
async function lookAt(shop: HttpShop, paying: readonly string[]): Promise<Violation[]> {
  const cancelled = await shop.database.query<{ id: string; code: string }>({
    text: `
      select order_id as id, cancel_code as code from orders where order_id = any($1::uuid[]) and status <> 'confirmed'
      limit 100`,
    values: [paying],
  });
  const [expiry] = await shop.database.query<{ wrong: number }>({
    text: `
      select count(*)::integer as wrong from checkouts
      where abs(extract(epoch from expires_at - now()) * 1000 - $1) > $2`,
    values: [limits.checkoutLifeMs, slackMs],
  });
  const [taken] = await shop.database.query<{ twice: number }>({
    text: `
      select count(*)::integer as twice from payment_attempts
      where order_id = any($1::uuid[]) and kind = 'authorise' and calls > 2`,
    values: [paying],
  });
  return violationsOf(
    5,
    'orders among skewed clocks',
    cancelled.length > 0 && `orders that were paid in time are not confirmed: ${JSON.stringify(cancelled)}`,
    expiry?.wrong !== 0 && `${expiry?.wrong} checkouts expire by a clock that is wrong`,
    (taken?.twice ?? 0) * 10 > paying.length && `${taken?.twice} leases were taken from workers that held them`,
  );
}
