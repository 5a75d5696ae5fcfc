import { afterEach, expect, test, vi } from 'vitest';
import type { CloudEvent } from '../../src/messaging/events.ts';
import { streamEvents } from '../../src/operations/event-stream.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { restoreInto, startSecondCluster } from '../harness/second-cluster.ts';
import { accepted, caller, completeRequest, deskOn, draftFor, openCheckout, startShop } from '../harness/shop.ts';
import { atRest, openWorld } from '../harness/world.ts';
import { countEvents, expectWholeAndInOrder } from './whole-and-in-order.ts';

// It starts a PostgreSQL of its own.
vi.setConfig({ testTimeout: 60_000 });

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test('orders of before and after a restore into another cluster end there, each with its whole timeline', async () => {
  const old = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
  stops.push(() => old.stop());
  await old.database.query({
    text: `do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$`,
  });
  const shop = await old.start();
  for (let n = 0; n < 5; n += 1) await old.place('tok_ok');
  await atRest(old.database);
  await shop.stop();
  for (let n = 0; n < 5; n += 1) await old.place('tok_ok');

  const cluster = await startSecondCluster();
  stops.push(() => cluster.stop());
  const { database } = cluster;
  await restoreInto(database, old.database);
  // The shop's front is back first: what it commits, nobody reads yet.
  const desk = deskOn(database);
  for (let n = 0; n < 3; n += 1) {
    const checkout = await openCheckout(desk, draftFor({ PLENTY: 1 }));
    accepted(await desk.complete(caller, checkout.checkoutId, completeRequest(newUuid())));
  }
  const [place] = await database.query<{ isAhead: boolean }>({
    text: `
      select transaction_id > pg_snapshot_xmax(pg_current_snapshot()) as "isAhead" from event_cursors
      where subscriber = 'order-timeline'`,
  });
  expect(place?.isAhead, 'a reader that compares ids alone would wait for long').toBe(true);

  const restored = await startShop(database, { provider: old.simulated.provider });
  try {
    await atRest(database);
    await vi.waitFor(async () => expect(await missingFromTimeline(database)).toEqual([]), { timeout: 10_000 });
  } finally {
    await restored.stop();
  }
  const [orders] = await database.query({
    text: `
      select count(*)::integer as all, count(*) filter (where status = 'confirmed')::integer as confirmed
      from orders`,
  });
  expect(orders).toEqual({ all: 13, confirmed: 13 });
  const streamed: CloudEvent[] = [];
  await streamEvents({
    database,
    merchantId: 'demo',
    orderId: null,
    follow: false,
    signal: new AbortController().signal,
    emit: (event) => streamed.push(event),
  });
  expectWholeAndInOrder(
    streamed.map((event) => `${event.subject} ${Number(event.sequence)}`),
    await countEvents(database),
  );
});

async function missingFromTimeline(db: Database): Promise<object[]> {
  return await db.query({
    text: `
      select order_id, sequence from domain_events e
      where not exists (select from order_timeline t where t.order_id = e.order_id and t.sequence = e.sequence)
      limit 5`,
  });
}
