import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller, CheckoutView, RequestKey } from '../../src/checkout/desk.ts';
import { present } from '../../src/shared/assert.ts';
import { isRefused, type Refused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import { accepted, caller, completeRequest, deskOn, draftFor, endOf, openCheckout } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

let world: TestWorld;

beforeAll(async () => {
  world = await openWorld({ PLENTY: 100_000, SCARCE: 1 });
  await world.start();
});
afterAll(async () => {
  await world?.stop();
});

/** An answer to the last bit, in canonical form: two that are equal here are equal on any wire. */
function bytesOf(answer: Refused | CheckoutView | undefined): string {
  return JSON.stringify(answer, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isPlain ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  });
}

function keyOf(key: string, body = 'body'): RequestKey {
  return { key, requestSha256: createHash('sha256').update(body).digest() };
}

async function ordersOf(checkoutId: string): Promise<{ orderId: string; status: string }[]> {
  return world.database.query({
    text: 'select order_id as "orderId", status from orders where checkout_id = $1 order by created_at limit 100',
    values: [checkoutId],
  });
}

/** One process has what it is asked about one key done one after the other; several meet in the database. */
const desksOfProcesses = () => Array.from({ length: 8 }, () => deskOn(world.database));

test('64 concurrent completes under one key make one order, and all get the same answer to the byte', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 2 }));
  const request = completeRequest(newUuid());
  const desks = desksOfProcesses();
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, index) => desks[index % desks.length]?.complete(caller, checkoutId, request)),
  ).then((all) => all.map((answer) => present(answer, 'an answer')));
  expect(new Set(answers.map(bytesOf)).size).toBe(1);
  const [order] = await ordersOf(checkoutId);
  expect(answers.map((answer) => accepted(answer).orderId)).toEqual(Array(64).fill(order?.orderId));
  expect(await ordersOf(checkoutId)).toHaveLength(1);
  const id = order?.orderId ?? '';
  expect(await endOf(world.database, id)).toBe('confirmed');
  expect(world.authorisations(id)).toHaveLength(1);
});

test('another request under a key that was answered is refused, and changes nothing', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const key = newUuid();
  accepted(await world.desk.complete(caller, checkoutId, completeRequest(key)));
  const other = await world.desk.complete(caller, checkoutId, completeRequest(key, { tokenText: 'tok_lost_card' }));
  expect(other).toMatchObject({ code: 'idempotency_key_reused' });
  expect(await ordersOf(checkoutId)).toHaveLength(1);
});

test('64 concurrent completes of one checkout under 64 keys make one order, the others are refused', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const desks = desksOfProcesses();
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      desks[index % desks.length]?.complete(caller, checkoutId, completeRequest(newUuid())),
    ),
  ).then((all) => all.map((answer) => present(answer, 'an answer')));
  const codes = answers.map((answer) => (isRefused(answer) ? answer.code : answer.status)).sort();
  expect(codes).toEqual([...Array(63).fill('checkout_not_open'), 'completing'].sort());
  expect(await ordersOf(checkoutId)).toHaveLength(1);
});

test('a checkout whose payment was declined is completed again, and never has two orders that are alive', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const declined = completeRequest(newUuid(), { tokenText: 'tok_card_declined' });
  const first = accepted(await world.desk.complete(caller, checkoutId, declined));
  expect(await endOf(world.database, first.orderId ?? '')).toBe('cancelled');
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => world.desk.complete(caller, checkoutId, completeRequest(newUuid()))),
  );
  expect(answers.filter((answer) => !isRefused(answer))).toHaveLength(1);
  const orders = await ordersOf(checkoutId);
  expect(orders).toHaveLength(2);
  await Promise.all(orders.map((order) => endOf(world.database, order.orderId)));
  expect((await ordersOf(checkoutId)).map((order) => order.status)).toEqual(['cancelled', 'confirmed']);
});

test('the answer under a key outlives the order, a change of the checkout, later keys and the process', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 3 }));
  const request = completeRequest(newUuid(), { tokenText: 'tok_card_declined' });
  const first = accepted(await world.desk.complete(caller, checkoutId, request));
  const given = bytesOf(first);
  await endOf(world.database, first.orderId ?? '');
  expect(bytesOf(await world.desk.complete(caller, checkoutId, request))).toBe(given);

  accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 5 }), null));
  expect(bytesOf(await world.desk.complete(caller, checkoutId, request))).toBe(given);

  const second = completeRequest(newUuid());
  const bought = accepted(await world.desk.complete(caller, checkoutId, second));
  expect(bought.orderId).not.toBe(first.orderId);
  await endOf(world.database, bought.orderId ?? '');
  const restarted = connect({ url: world.url, applicationName: 'restarted', connectionsMax: 1 });
  expect(bytesOf(await deskOn(restarted).complete(caller, checkoutId, request))).toBe(given);
  expect(bytesOf(await deskOn(restarted).complete(caller, checkoutId, second))).toBe(bytesOf(bought));
  await restarted.close();
  expect(await ordersOf(checkoutId)).toHaveLength(2);
});

test('a refusal that was decided under a key stays the answer after its cause is gone', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ SCARCE: 2 }));
  const request = completeRequest(newUuid());
  const refused = accepted(await world.desk.complete(caller, checkoutId, request));
  expect(refused.notices.map((notice) => notice.refusal.code)).toEqual(['out_of_stock']);
  await world.database.execute({
    text: `update stock set received_units = received_units + 10 where sku = 'SCARCE'`,
  });
  expect(bytesOf(await world.desk.complete(caller, checkoutId, request))).toBe(bytesOf(refused));
  expect(accepted(await world.desk.complete(caller, checkoutId, completeRequest(newUuid()))).status).toBe('completing');
});

const otherCaller: Caller = { ...caller, callerId: 'other' };
const otherMerchant: Caller = { ...caller, merchantId: 'another', callerId: 'shop' };

test('keys belong to a caller of a merchant: others use the same key for orders of their own', async () => {
  await world.database.execute({
    text: `
      with m as (insert into merchants (merchant_id, name, currency, country) values ('another', 'A', 'GBP', 'GB')),
      c as (
        insert into callers (merchant_id, caller_id, name, api_key_sha256)
        values ('another', 'shop', 'S', sha256('k'))
      ), p as (
        insert into products (merchant_id, sku, title, price_minor, currency)
        values ('another', 'PLENTY', 'P', 9, 'GBP')
      )
      insert into stock (merchant_id, sku, received_units) values ('another', 'PLENTY', 10)`,
  });
  const buyAs = async (who: Caller, key: string) => {
    const checkout = accepted(await world.desk.create(who, draftFor({ PLENTY: 1 }), keyOf(key)));
    return accepted(await world.desk.complete(who, checkout.checkoutId, completeRequest(key)));
  };
  const everybody = [caller, otherCaller, otherMerchant];
  const [atOnce, inTurn] = [newUuid(), newUuid()];
  const views = await Promise.all(everybody.map((who) => buyAs(who, atOnce)));
  // Who comes later finds the keys of the others committed.
  for (const who of everybody) views.push(await buyAs(who, inTurn));
  expect(new Set(views.map((view) => view.orderId)).size).toBe(6);
  expect(views.map((view) => view.quote.content.subtotalMinor)).toEqual([255n, 255n, 9n, 255n, 255n, 9n]);
});

test('a checkout and an order of another caller or merchant are not found, whatever is asked of them', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const order = await world.buy('tok_ok');
  for (const who of [otherCaller, otherMerchant]) {
    const answers = await Promise.all([
      world.desk.read(who, checkoutId),
      world.desk.update(who, checkoutId, draftFor({ PLENTY: 1 }), null),
      world.desk.complete(who, checkoutId, completeRequest(newUuid())),
      world.desk.cancel(who, checkoutId, null),
      world.desk.readOrder(who, order.orderId),
    ]);
    expect(answers.map((answer) => isRefused(answer) && answer.code)).toEqual(Array(5).fill('not_found'));
  }
  expect(accepted(await world.desk.read(caller, checkoutId)).status).toBe('ready');
});

test('concurrent creates under one key open one checkout, with one answer that stays', async () => {
  const key = keyOf(newUuid());
  // A line that is short and one that is not sold: what the buyer is told of them is part of the answer.
  const draft = draftFor({ PLENTY: 1, SCARCE: 1_000, GONE: 1 });
  const answers = await Promise.all(Array.from({ length: 16 }, () => world.desk.create(caller, draft, key)));
  expect(new Set(answers.map(bytesOf)).size).toBe(1);
  const { checkoutId } = accepted(await world.desk.create(caller, draft, key));
  accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 1 }), null));
  accepted(await world.desk.complete(caller, checkoutId, completeRequest(newUuid(), { waitMs: 10_000 })));
  expect(bytesOf(await world.desk.create(caller, draft, key))).toBe(bytesOf(answers[0]));
  expect(await world.desk.create(caller, draft, keyOf(key.key, 'another'))).toMatchObject({
    code: 'idempotency_key_reused',
  });
});

test('concurrent updates under one key write one version, with one answer that stays', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const key = keyOf(newUuid());
  const draft = draftFor({ PLENTY: 4, SCARCE: 1_000 });
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => world.desk.update(caller, checkoutId, draft, key)),
  );
  expect(new Set(answers.map(bytesOf)).size).toBe(1);
  expect(accepted(answers[0] as CheckoutView).quote.version).toBe(2);
  accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 1 }), null));
  expect(bytesOf(await world.desk.update(caller, checkoutId, draft, key))).toBe(bytesOf(answers[0]));
  expect(await world.desk.update(caller, checkoutId, draft, keyOf(key.key, 'another'))).toMatchObject({
    code: 'idempotency_key_reused',
  });
});

test('concurrent cancels under one key end the checkout once, with one answer that stays', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const key = keyOf(newUuid());
  const answers = await Promise.all(Array.from({ length: 16 }, () => world.desk.cancel(caller, checkoutId, key)));
  expect(new Set(answers.map(bytesOf)).size).toBe(1);
  expect(accepted(answers[0] as CheckoutView).status).toBe('cancelled');
  expect(await world.desk.complete(caller, checkoutId, completeRequest(newUuid()))).toMatchObject({
    code: 'checkout_not_open',
  });
  expect(await world.desk.cancel(caller, checkoutId, keyOf(key.key, 'another'))).toMatchObject({
    code: 'idempotency_key_reused',
  });
});

test('a complete, an update and a cancel that race leave one outcome, and no order of an older quote', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
    const [completed, updated, cancelled] = await Promise.all([
      world.desk.complete(caller, checkoutId, completeRequest(newUuid())),
      world.desk.update(caller, checkoutId, draftFor({ PLENTY: 2 }), null),
      world.desk.cancel(caller, checkoutId, null),
    ]);
    const orders = await ordersOf(checkoutId);
    const view = accepted(await world.desk.read(caller, checkoutId));
    seen.add([completed, updated, cancelled].map((answer) => (isRefused(answer) ? 'no' : 'yes')).join(' '));
    expect(isRefused(completed)).toBe(orders.length === 0);
    expect(isRefused(cancelled)).toBe(orders.length === 1);
    if (!isRefused(completed)) expect(completed.quote.version).toBe(view.quote.version);
  }
  expect(seen.size).toBeGreaterThan(0);
});

test('what was answered under a key can be neither changed nor deleted', async () => {
  for (const text of [`update commit_keys set outcome = '{}'`, 'delete from commit_keys']) {
    await expect(world.database.execute({ text })).rejects.toThrow('commit_keys rows are never changed');
  }
});
