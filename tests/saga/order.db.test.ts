import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
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
} from '../harness/shop.ts';

let db: TestDatabase;
let shop: RunningShop;
const world = createInMemoryProvider({
  nowMs: machineClock.nowMs,
  newId: newUuid,
  sleep,
  deadlineMs: 300,
  onError: (error) => {
    throw error;
  },
});

beforeAll(async () => {
  db = await createTestDatabase();
  await seedShop(db.database, { PLENTY: 100_000, LAST: 1 });
  shop = await startShop(db.database, { provider: world.provider });
});
afterAll(async () => {
  await shop?.stop();
  world.stop();
  await db?.drop();
});
afterEach(async () => {
  const dead = await db.database.query<{ type: string; reason: string }>({
    text: 'select type, reason from dead_letters limit 5',
  });
  expect(dead).toEqual([]);
});

async function buy(
  token: string,
  lines = { PLENTY: 2 },
): Promise<{ checkoutId: string; orderId: string; status: string }> {
  const desk = deskOn(db.database);
  const checkout = await openCheckout(desk, draftFor(lines));
  const view = accepted(
    await desk.complete(caller, checkout.checkoutId, completeRequest(newUuid(), { tokenText: token })),
  );
  expect(view.status).toBe('completing');
  const orderId = view.orderId ?? '';
  return { checkoutId: checkout.checkoutId, orderId, status: await endOf(db.database, orderId, 15_000) };
}

async function stockOf(sku: string) {
  const rows = await db.database.query<{ held: bigint; sold: bigint }>({
    text: 'select held_units as held, sold_units as sold from stock where sku = $1',
    values: [sku],
  });
  return { held: Number(rows[0]?.held), sold: Number(rows[0]?.sold) };
}

test('an order that is paid for is confirmed, its stock sold and one authorisation taken', async () => {
  const before = await stockOf('PLENTY');
  const { orderId, status } = await buy('tok_ok');
  expect(status).toBe('confirmed');
  expect(await stockOf('PLENTY')).toEqual({ held: before.held, sold: before.sold + 2 });
  const found = [...world.books.authorisations.values()].filter((each) => each.key === `${orderId}-authorise`);
  expect(found).toHaveLength(1);
});

test('a declined order gives its stock back and leaves the checkout open for another payment', async () => {
  const before = await stockOf('PLENTY');
  const { checkoutId, status } = await buy('tok_card_declined');
  expect(status).toBe('cancelled');
  expect(await stockOf('PLENTY')).toEqual(before);
  const desk = deskOn(db.database);
  const again = accepted(await desk.read(caller, checkoutId));
  expect(again.status).toBe('ready');
  expect(again.notices.map((notice) => notice.refusal.code)).toEqual(['payment_failed']);
  const second = accepted(await desk.complete(caller, checkoutId, completeRequest(newUuid(), { waitMs: 10_000 })));
  expect(second.status).toBe('completed');
});

test.each([
  'act_and_cut',
  'fail_after',
  'fail_before',
  'cut_before',
  'answer_late_600',
  'act_late_600',
  'nonsense',
  'rate_limited',
  'unavailable',
])('an authorisation whose reply is lost by %s is asked for, and charged once', async (fault) => {
  const { orderId, status } = await buy(`tok_ok.${fault}`);
  expect(status).toBe('confirmed');
  const found = [...world.books.authorisations.values()].filter((each) => each.key === `${orderId}-authorise`);
  expect(found).toHaveLength(1);
});

test('the timeline tells what happened to an order, in order', async () => {
  const { orderId } = await buy('tok_ok');
  const told = await eventually('the timeline', async () => {
    const rows = await db.database.query<{ type: string }>({
      text: 'select type from order_timeline where order_id = $1 order by sequence',
      values: [orderId],
    });
    return rows.length === 3 ? rows.map((row) => row.type) : null;
  });
  expect(told).toEqual(['OrderPending', 'PaymentAuthorized', 'OrderPlaced']);
});
