import { afterEach, expect, test } from 'vitest';
import { feedOnce } from '../../src/messaging/event-feed.run.ts';
import { orderTimeline } from '../../src/orders/timeline.sql.ts';
import { lockOrder } from '../../src/sagas/saga.sql.ts';
import { sleep } from '../../src/shared/clock.ts';
import type { Database, Transaction } from '../../src/shared/postgres/client.ts';
import { createCohort } from '../../src/shared/postgres/cohort.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

let world: TestWorld | undefined;
afterEach(async () => {
  await world?.stop();
});

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** The next event of an order that is locked: its number is one more than that of its last. */
async function append(tx: Transaction, orderId: string): Promise<void> {
  await lockOrder(tx, orderId, null);
  await tx.execute({
    text: `
      insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data, traceparent)
      select gen_random_uuid(), merchant_id, order_id, sequence + 1, type, schema_version, data, traceparent
      from domain_events where order_id = $1 order by sequence desc limit 1`,
    values: [orderId],
  });
}

/** How many transactions wait for a lock now. */
async function waiting(database: Database): Promise<number> {
  const rows = await database.query<{ count: number }>({
    text: `
      select count(*)::integer as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
  });
  return rows[0]?.count ?? 0;
}

test('events of an order keep their order though one of many orders waited for another before it wrote', async () => {
  world = await openWorld({ PLENTY: 1000 }, { webhooks: 'never' });
  const { database } = world;
  const ids = [await world.place('tok_ok'), await world.place('tok_ok'), await world.place('tok_ok')].sort();
  const [, middle = '', last = ''] = ids;
  const [held, over] = [gate(), gate()];
  const holder = database.transaction(async (tx) => {
    await lockOrder(tx, middle, null);
    held.open();
    await over.opened;
  });
  await held.opened;
  const cohort = createCohort({ database, batchMax: 10, inFlightMax: 1 });
  const many = Promise.all(ids.map((id) => cohort.transaction(id, (tx) => append(tx, id))));
  for (let look = 0; look < 100 && (await waiting(database)) === 0; look += 1) await sleep(20);
  expect(await waiting(database)).toBe(1);
  const one = database.transaction((tx) => append(tx, last));
  await sleep(200);
  over.open();
  await Promise.all([holder, many, one]);
  while ((await feedOnce(database, orderTimeline)).count > 0);
  const told = await database.query<{ sequence: number }>({
    text: 'select sequence from order_timeline where order_id = $1 order by sequence',
    values: [last],
  });
  expect(told.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
});
