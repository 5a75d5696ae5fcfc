import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import {
  accepted,
  caller,
  completeRequest,
  deskOn,
  draftFor,
  endOf,
  eventually,
  openCheckout,
} from '../harness/shop.ts';
import { atRest, mixedTokens, openWorld, pick, randomFrom, seedOf, type TestWorld } from '../harness/world.ts';

let world: TestWorld;

beforeAll(async () => {
  world = await openWorld({
    PLENTY: 100_000,
    RISES: 10_000,
    MOVES: 10_000,
    A: 9_000,
    B: 9_000,
    C: 9_000,
    D: 9_000,
    GOES: 9,
  });
  await world.start();
});
afterAll(async () => {
  await world?.stop();
});

async function setPrice(sku: string, minor: bigint): Promise<void> {
  await world.database.execute({ text: 'update products set price_minor = $2 where sku = $1', values: [sku, minor] });
}

test('a price that changed since the quote is refused with what changed, and paid only under a new key', async () => {
  const opened = await openCheckout(world.desk, draftFor({ PLENTY: 1, RISES: 2 }));
  expect(opened.quote.content.totalMinor).toBe(255n * 3n + 395n);
  await setPrice('RISES', 300n);
  const { checkoutId } = opened;
  const refused = accepted(await world.desk.complete(caller, checkoutId, completeRequest('key-1')));
  expect(refused.orderId).toBeNull();
  expect(refused.notices.map((notice) => notice.refusal)).toMatchObject([
    {
      code: 'price_changed',
      details: { lines: [{ index: 1, sku: 'RISES', quotedMinor: '255', currentMinor: '300' }] },
    },
  ]);
  expect(refused.quote).toMatchObject({ version: 2, content: { totalMinor: 255n + 600n + 395n } });
  const again = accepted(await world.desk.complete(caller, checkoutId, completeRequest('key-1')));
  expect(again.notices.map((notice) => notice.refusal.code)).toEqual(['price_changed']);
  const paid = accepted(await world.desk.complete(caller, checkoutId, completeRequest('key-2')));
  expect(await endOf(world.database, paid.orderId ?? '')).toBe('confirmed');
  expect(world.authorisations(paid.orderId ?? '').map((each) => each.amount_minor)).toEqual([255 + 600 + 395]);
});

test('a buyer who saw an older version of the quote is told that it changed', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 3 }), null));
  const stale = await world.desk.complete(caller, checkoutId, completeRequest('stale', { seenVersion: 1 }));
  expect(stale).toMatchObject({ refused: true, code: 'quote_changed' });
  const seen = accepted(await world.desk.complete(caller, checkoutId, completeRequest('stale', { seenVersion: 2 })));
  expect(seen.status).toBe('completing');
});

test('a copy of a complete that was refused for what was lacking buys nothing when it comes late', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }, { buyer: {} }));
  const refused = await world.desk.complete(caller, checkoutId, completeRequest('copied'));
  expect(refused).toMatchObject({ refused: true, code: 'checkout_incomplete' });
  const mended = accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 3 }), null));
  expect(mended.status).toBe('ready');
  expect(await world.desk.complete(caller, checkoutId, completeRequest('copied'))).toEqual(refused);
  const bought = accepted(await world.desk.complete(caller, checkoutId, completeRequest('meant')));
  expect([bought.status, bought.quote.version]).toEqual(['completing', 2]);
});

test('of completes that meet a new price at once none pays what its buyer has not seen', async () => {
  const { checkoutId, quote } = await openCheckout(world.desk, draftFor({ MOVES: 1 }));
  await setPrice('MOVES', 999n);
  // All have looked at the first version before the first of them can be decided.
  const holder = connect({ url: world.url, applicationName: 'holder', connectionsMax: 1 });
  await holder.execute({ text: 'begin' });
  await holder.query({ text: `select 1 from stock where sku = 'MOVES' for update` });
  // Three processes, each with one that waits behind the other.
  const desks = Array.from({ length: 3 }, () => deskOn(world.database));
  const completes = [...desks, ...desks].map((desk) => desk.complete(caller, checkoutId, completeRequest(newUuid())));
  await eventually('all wait for the stock', async () => (await waiters()) === 3);
  await holder.execute({ text: 'commit' });
  await holder.close();
  const answers = await Promise.all(completes);
  const codes = answers.map((answer) => (isRefused(answer) ? answer.code : answer.notices[0]?.refusal.code));
  expect(codes.sort()).toEqual(['price_changed', ...Array(5).fill('quote_changed')]);
  const now = accepted(await world.desk.read(caller, checkoutId));
  expect([now.orderId, now.quote.version]).toEqual([null, quote.version + 1]);
});

async function waiters(): Promise<number> {
  const [found] = await world.database.query<{ count: number }>({
    text: `
      select count(*)::integer as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
  });
  return found?.count ?? 0;
}

test('a cart that changes while its commit waits for stock is not bought as it was', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  const other = connect({ url: world.url, applicationName: 'other', connectionsMax: 1 });
  try {
    await other.execute({ text: 'begin' });
    await other.query({ text: `select 1 from stock where sku = 'PLENTY' for update` });
    const completing = world.desk.complete(caller, checkoutId, completeRequest(newUuid()));
    await eventually('the commit waits', async () => {
      const text = `
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`;
      return (await world.database.query({ text })).length === 1;
    });
    accepted(await world.desk.update(caller, checkoutId, draftFor({ PLENTY: 3 }), null));
    await other.execute({ text: 'commit' });
    expect(await completing).toMatchObject({ refused: true, code: 'quote_changed' });
    const text = 'select 1 from orders where checkout_id = $1';
    expect(await world.database.query({ text, values: [checkoutId] })).toEqual([]);
  } finally {
    await other.close();
  }
});

test('a product that is no longer sold is named, and the rest is quoted anew', async () => {
  const { checkoutId } = await openCheckout(world.desk, draftFor({ PLENTY: 1, GOES: 1 }));
  await world.database.execute({ text: `update products set active = false where sku = 'GOES'` });
  const refused = accepted(await world.desk.complete(caller, checkoutId, completeRequest(newUuid())));
  expect(refused.notices.map((notice) => notice.refusal)).toMatchObject([
    { code: 'item_unavailable', details: { lines: [{ index: 1, sku: 'GOES' }] } },
  ]);
  expect(refused.quote.content.lines.map((line) => line.sku)).toEqual(['PLENTY']);
});

test('while prices move, each order is charged the total of the quote that its buyer completed', async () => {
  const random = randomFrom(seedOf('the price that was seen'));
  const agreed = new Map<string, bigint>();
  let refused = 0;
  for (let wave = 0; wave < 5; wave += 1) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const lines = { [pick(random, ['A', 'B', 'C', 'D'])]: 1 + Math.floor(random() * 4) };
        const checkout = await openCheckout(world.desk, draftFor(lines));
        if (random() < 0.1)
          await setPrice(pick(random, ['A', 'B', 'C', 'D']), BigInt(100 + Math.floor(random() * 900)));
        const request = completeRequest(newUuid(), { tokenText: pick(random, mixedTokens) });
        const view = accepted(await world.desk.complete(caller, checkout.checkoutId, request));
        if (view.orderId === null) refused += 1;
        else agreed.set(view.orderId, checkout.quote.content.totalMinor);
      }),
    );
  }
  await atRest(world.database);
  expect(agreed.size).toBeGreaterThan(20);
  expect(refused, 'prices moved in the run').toBeGreaterThan(0);
  for (const [orderId, totalMinor] of agreed) {
    for (const authorisation of world.authorisations(orderId)) {
      expect(authorisation).toMatchObject({ amount_minor: Number(totalMinor), currency: 'GBP' });
    }
  }
  const differ = await world.database.query({
    text: `
      select o.order_id from orders o
      join quotes q on q.checkout_id = o.checkout_id and q.version = o.quote_version
      join payments p using (order_id)
      where o.total_minor <> q.total_minor or p.amount_minor <> q.total_minor or p.currency <> q.currency
         or q.total_minor <> (select sum(l.total_minor) from order_lines l where l.order_id = o.order_id)
                             + (q.content ->> 'shippingMinor')::bigint
      limit 10`,
  });
  expect(differ).toEqual([]);
});

test('a quote that was given is never changed', async () => {
  await openCheckout(world.desk, draftFor({ PLENTY: 1 }));
  for (const change of ['total_minor = 1', `content = '{}'`, 'version = version + 100']) {
    await expect(world.database.execute({ text: `update quotes set ${change}` })).rejects.toThrow('never changed');
  }
});
