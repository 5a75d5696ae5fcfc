import { writeFile } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { eventually, quickQueues } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

/*
 * Runs inside the tree of an older release, as one of its tests (make-frozen.ts puts it there): brings orders into
 * every state that is not final, with that release's code, stops the workers in the middle of it and writes all rows
 * down.
 */

const heldUnits = 7;
const screen: FraudScreen = {
  kind: 'local',
  name: 'by quantity',
  judge: ({ total }) =>
    Number((total.amountMinor - 395n) / 255n) === heldUnits
      ? { verdict: 'hold', reason: 'seven of them' }
      : { verdict: 'accept' },
};
const lost = { outcome: 'unknown', reason: 'no reply' } as const;

let world: TestWorld;
afterAll(() => world?.stop());

test('orders in every state that is not final are written down', async () => {
  world = await openWorld({ PLENTY: 100_000 }, { webhooks: 'never' });
  const { database, simulated } = world;
  shops.push(await world.start({ screen }));
  await Promise.all(['tok_ok', 'tok_ok', 'tok_card_declined'].map((token) => world.buy(token)));
  await stopAll();

  // Going back, without anybody who voids: one waits, one is parked with its dead letter and its question.
  await goesBack('parked', quickQueues(2), 1);
  await goesBack('cancelling', quickQueues(1_000), 2);
  // The provider acted, and what became of it is not known here.
  await until('unknown', { ...simulated.provider, authorise: acts, find: async () => lost }, quickQueues(1_000), 2);
  const noConfirmation = quickQueues();
  await until(
    'authorised',
    simulated.provider,
    { ...noConfirmation, orders: { ...noConfirmation.orders, concurrency: 0 } },
    2,
  );
  const noPayment = quickQueues();
  const withoutPayments = { ...noPayment, payments: { ...noPayment.payments, concurrency: 0 } };
  await until('intended', simulated.provider, withoutPayments, 2);
  await held(2);
  for (let count = 0; count < 2; count += 1) await world.place('tok_ok');
  await messagesOfOtherTypes(database);
  await world.simulated.stop();
  await dump(database);
});

async function acts(request: Parameters<PaymentProvider['authorise']>[0]): Promise<typeof lost> {
  await world.simulated.provider.authorise(request);
  return lost;
}

const shops: { stop(): Promise<void> }[] = [];

/** Stops the shop, and puts off what is left, so that the next shop leaves it as it is. */
async function stopAll(): Promise<void> {
  for (const shop of shops.splice(0)) await shop.stop();
  await world.database.execute({ text: `update messages set available_at = now() + interval '1 day'` });
  await world.database.execute({
    text: `update payments set next_check_at = now() + interval '1 day' where next_check_at is not null`,
  });
}

type Settings = ReturnType<typeof quickQueues>;

/** Places orders and stops the shop when their payments stand so. */
async function until(payment: string, provider: PaymentProvider, settings: Settings, count: number): Promise<void> {
  shops.push(await world.start({ provider, settings, screen, sweep: false }));
  for (let placed = 0; placed < count; placed += 1) {
    const orderId = await world.place('tok_ok');
    await eventually(`a payment is ${payment}`, async () => {
      const rows = await world.database.query({
        text: `
          select 1 from payments p where order_id = $1 and status = $2
            and exists (select 1 from messages m where m.order_id = p.order_id and m.type <> 'screen-for-fraud')`,
        values: [orderId, payment],
      });
      return rows.length === 1;
    });
  }
  await stopAll();
}

/** Orders whose money is held, that go back while no void is answered. */
async function goesBack(to: 'parked' | 'cancelling', settings: Settings, count: number): Promise<void> {
  const provider: PaymentProvider = {
    ...world.simulated.provider,
    authorise: acts,
    void: async () => lost,
    // Nothing is known of the money until the order goes back: else it would be confirmed.
    async find(request) {
      const isPending = (await statusOf(request.authoriseKey.slice(0, 36))) === 'pending';
      return isPending ? lost : await world.simulated.provider.find(request);
    },
  };
  const slow = { ...settings, payments: { ...settings.payments, attemptsMax: 1_000 } };
  shops.push(await world.start({ provider, settings: slow, screen, sweep: false }));
  const placed: string[] = [];
  for (let each = 0; each < count; each += 1) placed.push(await world.place('tok_ok'));
  for (const orderId of placed) await eventually('the provider acted', async () => world.live(orderId) === 1);
  await stopAll();
  await world.database.execute({
    text: 'update messages set available_at = now() where order_id = any($1::uuid[])',
    values: [placed],
  });
  await world.database.execute({
    text: 'update orders set deadline_at = now() where order_id = any($1::uuid[])',
    values: [placed],
  });
  const stockStands = { ...settings, stock: { ...settings.stock, concurrency: to === 'parked' ? 2 : 0 } };
  shops.push(await world.start({ provider, settings: stockStands, screen }));
  for (const orderId of placed) {
    await eventually(`an order is ${to}`, async () => {
      const rows = await world.database.query({
        text: `
          select 1 from orders o join sagas s using (order_id) join payments p using (order_id)
          where order_id = $1 and o.status = 'cancelling' and p.status = 'voiding'
            and ($2 = 'cancelling' or s.status = $2)`,
        values: [orderId, to],
      });
      return rows.length === 1;
    });
  }
  await stopAll();
}

async function statusOf(orderId: string): Promise<string | undefined> {
  const text = 'select status from orders where order_id = $1';
  return (await world.database.query<{ status: string }>({ text, values: [orderId] }))[0]?.status;
}

async function held(count: number): Promise<void> {
  shops.push(await world.start({ screen, sweep: false }));
  for (let placed = 0; placed < count; placed += 1) {
    const orderId = await world.place('tok_ok', { PLENTY: heldUnits });
    await eventually('an order is held', async () => {
      const text = `select 1 from orders where order_id = $1 and status = 'on_hold'`;
      return (await world.database.query({ text, values: [orderId] })).length === 1;
    });
  }
  await stopAll();
}

/** A check, a second authorisation and a webhook that are still to be handled: about an order that ended. */
async function messagesOfOtherTypes(database: Database): Promise<void> {
  const [confirmed] = await database.query<{ orderId: string; paymentId: string; reference: string }>({
    text: `
      select order_id as "orderId", payment_id as "paymentId", provider_reference as reference
      from orders join payments using (order_id) where orders.status = 'confirmed' limit 1`,
  });
  if (confirmed === undefined) throw new Error('no order is confirmed');
  const { orderId, paymentId, reference } = confirmed;
  const event = { id: 'evt_frozen', type: 'authorisation.voided', data: { id: reference, reference: paymentId } };
  await database.execute({
    text: `insert into webhooks_received (provider, event_id, merchant_id, body) values ('simulated', $1, 'demo', $2)`,
    values: [event.id, JSON.stringify(event)],
  });
  const messages = [
    ['payments', 'check-payment', orderId, {}],
    ['payments', 'void-stray-authorisation', `${orderId}:${reference}`, { providerReference: reference }],
    ['webhooks', 'handle-webhook', 'simulated:evt_frozen', { provider: 'simulated', eventId: event.id }],
  ] as const;
  for (const [queue, type, key, payload] of messages) {
    await database.execute({
      text: `
        insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload)
        values ($1, $2, $3, 1, 'demo', $4, $5, $6)`,
      values: [newUuid(), queue, type, orderId, key, JSON.stringify(payload)],
    });
  }
}

async function dump(database: Database): Promise<void> {
  await database.execute({ text: 'update messages set available_at = now()' });
  await database.execute({ text: 'update payments set next_check_at = now() where next_check_at is not null' });
  const tables = await database.query<{ name: string }>({
    text: `select tablename as name from pg_tables where schemaname = 'public' order by tablename limit 1000`,
  });
  const rows: Record<string, unknown[]> = {};
  for (const { name } of tables) {
    const found = await database.query<{ row: unknown }>({ text: `select to_jsonb(t) as row from ${name} t` });
    rows[name] = found.map(({ row }) => row);
  }
  const [clock] = await database.query<{ now: string }>({ text: 'select now()::text as now' });
  const { authorisations, byKey } = world.simulated.books;
  const books = { authorisations: [...authorisations.values()], byKey: Object.fromEntries(byKey) };
  expect(rows.messages?.length).toBeGreaterThan(10);
  await writeFile(process.env.FREEZE_TO ?? '', `${JSON.stringify({ frozenAt: clock?.now, rows, books }, null, 1)}\n`);
}
