import { type Authorisation, statusOf, underKey } from '../../simulators/payment-provider/books.ts';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import type { CheckoutDesk } from '../../src/checkout/desk.ts';
import { receiveWebhook } from '../../src/payments/webhooks.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase } from './database.ts';
import {
  accepted,
  caller,
  completeRequest,
  deskOn,
  draftFor,
  endOf,
  eventually,
  openCheckout,
  type RunningShop,
  seedShop,
  startShop,
} from './shop.ts';

export { pick, type Random, randomFrom } from './chance.ts';

export type SimulatedWorld = ReturnType<typeof createInMemoryProvider>;

/** A shop with a database of its own, a provider in memory whose webhooks reach it, and workers to be replaced. */
export type TestWorld = {
  readonly database: Database;
  readonly url: string;
  readonly desk: CheckoutDesk;
  readonly simulated: SimulatedWorld;
  /** Starts a worker and a sweeper; all that were started are stopped with the world. */
  start(options?: Partial<Parameters<typeof startShop>[1]>): Promise<RunningShop>;
  /** Opens a checkout and commits it; the order's id. */
  place(tokenText: string, lines?: Readonly<Record<string, number>>): Promise<string>;
  /** Places an order and waits for its end. */
  buy(tokenText: string, lines?: Readonly<Record<string, number>>): Promise<{ orderId: string; status: string }>;
  /** What the provider's books hold under the order's key. */
  authorisations(orderId: string): readonly Authorisation[];
  /** How many of them still hold the buyer's money. */
  live(orderId: string): number;
  stop(): Promise<void>;
};

export async function openWorld(
  stock: Readonly<Record<string, number>>,
  options: { webhooks?: 'delivered' | 'never'; deadlineMs?: number; connectionsMax?: number } = {},
): Promise<TestWorld> {
  const scratch = await createTestDatabase({ connectionsMax: options.connectionsMax ?? 16 });
  const { database } = scratch;
  await seedShop(database, stock);
  const simulated = simulateProvider(database, options);
  const shops: RunningShop[] = [];
  const desk = deskOn(database);

  async function place(tokenText: string, lines: Readonly<Record<string, number>> = { PLENTY: 2 }): Promise<string> {
    const checkout = await openCheckout(desk, draftFor(lines));
    const view = accepted(await desk.complete(caller, checkout.checkoutId, completeRequest(newUuid(), { tokenText })));
    if (view.orderId === null) throw new Error(`no order: ${view.notices.map((each) => each.refusal.message).join()}`);
    return view.orderId;
  }
  const authorisations = (orderId: string) => underKey(simulated.books, `${orderId}-authorise`);
  return {
    database,
    url: scratch.url,
    desk,
    simulated,
    async start(more = {}) {
      const shop = await startShop(database, { provider: simulated.provider, ...more });
      shops.push(shop);
      return shop;
    },
    place,
    async buy(tokenText, lines) {
      const orderId = await place(tokenText, lines);
      return { orderId, status: await endOf(database, orderId, 15_000) };
    },
    authorisations,
    live: (orderId) => authorisations(orderId).filter((each) => statusOf(each) === 'authorised').length,
    async stop() {
      simulated.stop();
      await Promise.all(shops.map((shop) => shop.stop()));
      await scratch.drop();
    },
  };
}

function simulateProvider(
  database: Database,
  options: { webhooks?: 'delivered' | 'never'; deadlineMs?: number },
): SimulatedWorld {
  const receiver = { database, newId: newUuid, waker: { wake() {} } };
  return createInMemoryProvider({
    nowMs: machineClock.nowMs,
    newId: newUuid,
    sleep,
    deadlineMs: options.deadlineMs ?? 300,
    ...(options.webhooks === 'never'
      ? {}
      : {
          async onWebhook(eventId: string, body: string) {
            const event = { provider: 'simulated', eventId, body: JSON.parse(body) as unknown, traceparent: null };
            return (await receiveWebhook(receiver, event)) === null;
          },
        }),
    onError(error) {
      throw error;
    },
  });
}

/** Every order that is not final yet ends, and nothing is left in the queues but what is to come much later. */
export async function atRest(database: Database, withinMs = 30_000): Promise<void> {
  await eventually(
    'every order ends and the queues are empty',
    async () => {
      const [open] = await database.query<{ orders: bigint; messages: bigint }>({
        text: `
          select (select count(*) from orders where status not in ('confirmed', 'cancelled')) as orders,
                 (select count(*) from messages where available_at < now() + interval '20 seconds') as messages`,
      });
      return open?.orders === 0n && open.messages === 0n;
    },
    withinMs,
  );
}

/** The seed of a run: that of SEED, to repeat a run that failed, or a new one. It is printed. */
export function seedOf(run: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
  console.info(`${run}: SEED=${seed}`);
  return seed;
}

/** Tokens of a mixed run: most pay, some with every fault that an authorisation can meet, some are declined. */
export const mixedTokens: readonly string[] = [
  'tok_ok',
  'tok_ok',
  'tok_ok',
  'tok_card_declined',
  'tok_insufficient_funds',
  'tok_insufficient_funds.act_and_cut',
  'tok_ok.act_and_cut',
  'tok_ok.act_and_cut.find:act_and_cut',
  'tok_ok.fail_after',
  'tok_ok.fail_before',
  'tok_ok.cut_before',
  'tok_ok.nonsense',
  'tok_ok.nonsense.find:nonsense',
  'tok_ok.answer_late_500',
  'tok_ok.act_late_500',
  'tok_ok.act_twice',
  'tok_ok.webhook:early',
  'tok_ok.webhook:twice',
  'tok_ok.webhook:never',
  'tok_ok.webhook:late_200',
];
