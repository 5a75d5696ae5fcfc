import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { eventually, startShop } from '../harness/shop.ts';
import { draft, home, payment } from '../storefront-api/ucp-requests.ts';
import { open, sessions, startTwoMerchants, type TwoMerchants } from './two-merchants.ts';

/** What somebody with a good key may try at a checkout: to pay less, to skip a step, to take what others want. */

let shop: TwoMerchants;
const provider = createInMemoryProvider({
  nowMs: machineClock.nowMs,
  newId: newUuid,
  sleep,
  deadlineMs: 300,
  onError: (error) => {
    throw error;
  },
});
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  shop = await startTwoMerchants();
  stops.push(() => shop.stop());
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

const once = () => ({ 'idempotency-key': newUuid() });
const buyable = (email = `ada-${newUuid()}@example.com`) => ({ ...draft, buyer: { email } });

async function complete(id: string, body: object = payment('tok_ok')) {
  return await shop.call('owner', 'POST', `${sessions}/${id}/complete`, { body, headers: once() });
}

test('prices, totals, currencies, states and owners in a request change nothing of what is charged', async () => {
  const cheap = { price: 1, unit_price_minor: 1, totals: [{ type: 'total', amount: 1 }], title: 'Free' };
  const claims = {
    ...cheap,
    currency: 'JPY',
    status: 'completed',
    discounts: [{ code: 'ALL', amount: 9_999 }],
    quote_version: 9,
    merchant_id: 'rival',
    order: { id: `ord_${newUuid()}` },
  };
  const shipping = { selected_option_id: 'standard', options: [{ id: 'standard', totals: cheap.totals }] };
  const tampered = {
    ...claims,
    ...buyable(),
    line_items: [{ ...claims, quantity: 2, item: { ...cheap, id: '85123A' } }],
    fulfillment: { methods: [{ type: 'shipping', destinations: [home], groups: [shipping], ...cheap }] },
  };
  const id = await open(shop, tampered);
  expect((await complete(id, { ...payment('tok_ok'), ...claims })).status).toBe(200);
  const [order] = await shop.scratch.database.query({
    text: `
      select o.merchant_id, o.total_minor, p.amount_minor, p.currency, o.status
      from orders o join payments p using (order_id)
      where o.checkout_id = $1`,
    values: [id.slice(4)],
  });
  const total = 2n * 255n + 395n;
  expect(order).toEqual({
    merchant_id: 'demo',
    total_minor: total,
    amount_minor: total,
    currency: 'GBP',
    status: 'pending',
  });
});

test('a quantity that would make an order cheaper or a number overflow is refused', async () => {
  for (const quantity of [0, -1, -0.5, 0.1, 1.5, '2', null, [2], 100_001, 2 ** 31, 2 ** 53, 1e308]) {
    const lines = [
      { item: { id: '85123A' }, quantity: 1 },
      { item: { id: 'DEMO-ONLY' }, quantity },
    ];
    const refused = await shop.call('owner', 'POST', sessions, { body: { ...buyable(), line_items: lines } });
    expect([quantity, refused.status, refused.body.code]).toEqual([quantity, 400, 'input_invalid']);
  }
  // Lines of one SKU are one line: the limit cannot be walked around by repeating it.
  const halves = Array(2).fill({ item: { id: '85123A' }, quantity: 60_000 });
  const refused = await shop.call('owner', 'POST', sessions, { body: { ...buyable(), line_items: halves } });
  expect(refused.body).toMatchObject({ code: 'input_invalid', path: '$.line_items[1].quantity' });
});

test('no step of a checkout can be skipped or taken again', async () => {
  const bare = await open(shop, { line_items: draft.line_items });
  expect((await complete(bare)).body.code).toBe('checkout_incomplete');
  const cancelled = await open(shop, buyable());
  await shop.call('owner', 'POST', `${sessions}/${cancelled}/cancel`);
  expect((await complete(cancelled)).body.code).toBe('checkout_not_open');
  const completed = await open(shop, buyable());
  expect((await complete(completed)).status).toBe(200);
  expect((await complete(completed)).body.code).toBe('checkout_not_open');
  const update = await shop.call('owner', 'PUT', `${sessions}/${completed}`, { body: buyable() });
  const cancel = await shop.call('owner', 'POST', `${sessions}/${completed}/cancel`);
  expect([update.body.code, cancel.body.code]).toEqual(['checkout_not_open', 'checkout_not_open']);
  const orders = await shop.scratch.database.query({
    text: 'select count(*) as orders from orders where checkout_id = any($1::uuid[])',
    values: [[bare, cancelled, completed].map((id) => id.slice(4))],
  });
  expect(orders).toEqual([{ orders: 1n }]);
});

test('open checkouts hold no stock, however many there are and however much they want', async () => {
  const wanted = [{ item: { id: 'DEMO-ONLY' }, quantity: 100_000 }];
  const opened = await Promise.all(Array.from({ length: 20 }, () => open(shop, { ...buyable(), line_items: wanted })));
  expect(new Set(opened).size).toBe(20);
  const held = await shop.scratch.database.query({
    text: `select held_units from stock where merchant_id = 'demo' and sku = 'DEMO-ONLY'`,
  });
  expect(held).toEqual([{ held_units: 0n }]);
});

test('a buyer who orders faster than people do, or for far more than people do, waits for a person', async () => {
  const worker = await startShop(shop.scratch.database, { provider: provider.provider });
  stops.push(() => worker.stop());
  stops.push(() => provider.stop());
  const statusOf = async (id: string): Promise<string> => {
    const rows = await shop.scratch.database.query<{ status: string }>({
      text: `
        select o.status from orders o join saga_steps s using (order_id)
        where o.checkout_id = $1 and s.step = 'screen-for-fraud' and s.status <> 'running'`,
      values: [id.slice(4)],
    });
    return rows[0]?.status ?? '';
  };
  const screened = (id: string) => eventually('the order is screened', async () => (await statusOf(id)) || null);
  const hasty = buyable('hasty@example.com');
  const ids = await Promise.all(Array.from({ length: 19 }, () => open(shop, hasty)));
  await Promise.all(ids.map((id) => complete(id)));
  expect(await Promise.all(ids.map(screened))).not.toContain('on_hold');
  const [twentieth, large, abroad] = await Promise.all([
    // Another spelling of the same address is the same buyer.
    open(shop, buyable('HASTY@example.com')),
    open(shop, { ...buyable(), line_items: [{ item: { id: '85123A' }, quantity: 2_000 }] }),
    open(shop, { ...buyable(), line_items: [{ item: { id: '85123A' }, quantity: 200 }] }),
  ]);
  const [instrument] = payment('tok_ok').payment.instruments;
  const billed = { payment: { instruments: [{ ...instrument, billing_address: { address_country: 'FR' } }] } };
  await Promise.all([complete(twentieth), complete(large), complete(abroad, billed)]);
  expect(await Promise.all([twentieth, large, abroad].map(screened))).toEqual(['on_hold', 'on_hold', 'on_hold']);
});
