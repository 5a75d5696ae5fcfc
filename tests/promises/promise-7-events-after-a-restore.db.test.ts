import { afterEach, expect, test, vi } from 'vitest';
import { feedOnce } from '../../src/messaging/event-feed.run.ts';
import type { StoredEvent } from '../../src/messaging/events.ts';
import { orderTimeline } from '../../src/orders/timeline.sql.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect, type Database, type Transaction } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { withoutTriggers } from '../harness/second-cluster.ts';
import { pick, randomFrom, seedOf } from '../harness/world.ts';
import { countEvents, everyoneElseEnded, expectWholeAndInOrder } from './whole-and-in-order.ts';

const databases: TestDatabase[] = [];
const sessions: Database[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  for (const each of databases.splice(0)) await each.drop();
});

async function begin(): Promise<Database> {
  const scratch = await createTestDatabase();
  databases.push(scratch);
  return scratch.database;
}

/** Writes so many next events of the order, in one transaction. */
async function write(db: Database, orderId: string, count: number): Promise<void> {
  await db.execute({
    text: `
      insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
      select gen_random_uuid(), 'demo', $1::uuid,
             (select coalesce(max(sequence), 0) from domain_events where order_id = $1) + n, 'OrderPending', 1, '{}'
      from generate_series(1, $2::integer) n`,
    values: [orderId, count],
  });
}

/** A connection of its own, on which a transaction stays open between statements. */
async function sessionOn(db: Database): Promise<Database> {
  const url = databases.find(({ database }) => database === db)?.url ?? '';
  const session = connect({ url, applicationName: 'session', connectionsMax: 1 });
  sessions.push(session);
  await session.execute({ text: 'begin' });
  return session;
}

/**
 * The rows as they are after a dump and a restore into a cluster whose count is lower by `shift`: each of them is
 * written anew, and the ids that they carry lie so much higher, seen from here.
 */
async function restoreInPlace(db: Database, shift: number): Promise<void> {
  await withoutTriggers(
    db,
    `with events as (
       update domain_events set transaction_id = greatest(3, transaction_id::text::bigint + $1)::text::xid8
     ), cursors as (
       update event_cursors set transaction_id = greatest(0, transaction_id::text::bigint + $1)::text::xid8
     )
     update event_eras set opened_by = greatest(3, opened_by::text::bigint + $1)::text::xid8`,
    [shift],
  );
}

/** So many transactions go by. */
async function countOn(db: Database, transactions: number): Promise<void> {
  await db.query({
    text: `do $$ begin for i in 1..${transactions} loop perform pg_current_xact_id(); commit; end loop; end $$`,
  });
}

/** Remembers what it is given, and reads on until there is nothing more. */
function recorder(db: Database, name = 'recorder') {
  const given: string[] = [];
  const subscriber = {
    name,
    async apply(_tx: Transaction, events: readonly StoredEvent[]): Promise<void> {
      given.push(...events.map((event) => `${event.orderId} ${event.sequence}`));
    },
  };
  return {
    given,
    read: () => feedOnce(db, subscriber),
    async readAll(): Promise<void> {
      await everyoneElseEnded(db);
      while ((await feedOnce(db, subscriber)).mayBeMore);
    },
  };
}

async function countEras(db: Database): Promise<number> {
  const [row] = await db.query<{ count: number }>({ text: 'select count(*)::integer as count from event_eras' });
  return row?.count ?? 0;
}

test('what was written after a restore, before anybody read, comes after the rest of the old events', async () => {
  const db = await begin();
  const [oldOrder, bothOrder, newOrder] = [newUuid(), newUuid(), newUuid()];
  await write(db, oldOrder, 400);
  await write(db, bothOrder, 400);
  const reader = recorder(db);
  await everyoneElseEnded(db);
  expect((await reader.read()).count).toBe(500);
  await restoreInPlace(db, 1_000_000_000);
  await write(db, bothOrder, 5);
  await write(db, newOrder, 700);
  await reader.readAll();
  expectWholeAndInOrder(reader.given, 1_505);
  expect(reader.given.slice(0, 800)).toEqual([
    ...Array.from({ length: 400 }, (_, n) => `${oldOrder} ${n + 1}`),
    ...Array.from({ length: 400 }, (_, n) => `${bothOrder} ${n + 1}`),
  ]);
  const late = recorder(db, 'came later');
  await late.readAll();
  expect(late.given, 'a subscriber that is added after the restore reads the same').toEqual(reader.given);
});

test('an event that is still being written when a restore is met is read after its commit', async () => {
  const db = await begin();
  const reader = recorder(db);
  await write(db, newUuid(), 1);
  await restoreInPlace(db, 1_000_000_000);
  const slow = await sessionOn(db);
  await write(slow, newUuid(), 1);
  await write(db, newUuid(), 1);
  while ((await reader.read()).mayBeMore);
  expect(reader.given, 'the restored one').toHaveLength(1);
  await slow.execute({ text: 'commit' });
  await reader.readAll();
  expectWholeAndInOrder(reader.given, 3);
});

test('an event that was committed late, below one that was read, is read after a restore', async () => {
  const db = await begin();
  const reader = recorder(db);
  const [early, late] = [await sessionOn(db), await sessionOn(db)];
  const [readOrder, missedOrder] = [newUuid(), newUuid()];
  await early.query({ text: 'select pg_current_xact_id()' });
  await write(late, missedOrder, 1);
  await write(early, readOrder, 1);
  await early.execute({ text: 'commit' });
  await vi.waitFor(
    async () => {
      await reader.read();
      expect(reader.given).toEqual([`${readOrder} 1`]);
    },
    { timeout: 15_000 },
  );
  await late.execute({ text: 'commit' });
  await restoreInPlace(db, 1_000_000);
  await reader.readAll();
  expect(reader.given).toEqual([`${readOrder} 1`, `${missedOrder} 1`]);
});

test('what was written between two restores, and met no reader there, comes in its turn', async () => {
  const db = await begin();
  const [order, idle] = [newUuid(), newUuid()];
  const reader = recorder(db);
  await write(db, order, 1);
  await reader.readAll();
  await countOn(db, 1_000);
  await write(db, order, 1);
  // What is written next has a transaction between those of the two that came with the restore.
  await restoreInPlace(db, 500);
  await write(db, order, 1);
  await write(db, idle, 2);
  await restoreInPlace(db, 1_000_000);
  await write(db, order, 1);
  await reader.readAll();
  expect(reader.given).toEqual([...[1, 2, 3].map((n) => `${order} ${n}`), `${idle} 1`, `${idle} 2`, `${order} 4`]);
});

test('a database that is restored before its first event reads all that come', async () => {
  const db = await begin();
  const reader = recorder(db);
  await countOn(db, 20_000);
  await reader.readAll();
  await restoreInPlace(db, 1_000_000_000);
  await write(db, newUuid(), 5);
  await reader.readAll();
  expectWholeAndInOrder(reader.given, 5);
});

test('restores at any time, also before the rest of a former one is read, lose no event and repeat none', async () => {
  const db = await begin();
  const random = randomFrom(seedOf('restores'));
  const orders = [newUuid(), newUuid(), newUuid()];
  const reader = recorder(db);
  let written = 0;
  let open: Database[] = [];
  for (let step = 0; step < 60; step += 1) {
    const dice = random();
    if (dice < 0.3) {
      const count = 1 + Math.floor(random() * 400);
      await write(db, pick(random, orders), count);
      written += count;
    } else if (dice < 0.45 && open.length < 3) {
      const slow = await sessionOn(db);
      await write(slow, newUuid(), 1);
      open.push(slow);
      written += 1;
    } else if (dice < 0.6 && open[0] !== undefined) {
      await open[0].execute({ text: 'commit' });
      open = open.slice(1);
    } else if (dice < 0.85) {
      await reader.read();
    } else {
      // A dump holds what is committed.
      for (const slow of open) await slow.execute({ text: random() < 0.5 ? 'commit' : 'rollback' });
      open = [];
      written = await countEvents(db);
      await restoreInPlace(db, pick(random, [1, 30, 1_000, 1_000_000, 1_000_000_000, -20]));
    }
  }
  for (const slow of open) await slow.execute({ text: 'commit' });
  await reader.readAll();
  expectWholeAndInOrder(reader.given, written);
});

test('events of one era whose transactions lie far apart, among those of another era, all come', async () => {
  const db = await begin();
  const orders = [newUuid(), newUuid()];
  for (const orderId of orders) {
    await write(db, orderId, 1_300);
    await withoutTriggers(
      db,
      `update domain_events set transaction_id = (10 + (sequence - 1) * 1700)::text::xid8 where order_id = $1`,
      [orderId],
    );
    // The reader is there before the second order: each order is an era.
    if (orderId === orders[0]) await recorder(db, 'early').readAll();
    if (orderId === orders[0]) await withoutTriggers(db, `update event_eras set opened_by = '1'`);
  }
  const reader = recorder(db);
  await reader.readAll();
  expectWholeAndInOrder(reader.given, 2_600);
});

test('a table that is rewritten or frozen in place begins no era, and its events are read on', async () => {
  const db = await begin();
  const order = newUuid();
  const reader = recorder(db);
  await write(db, order, 10);
  await reader.readAll();
  await db.execute({ text: 'vacuum (full, freeze) domain_events' });
  await db.execute({ text: 'vacuum (full, freeze) event_eras' });
  await db.execute({ text: 'cluster domain_events using domain_events_in_commit_order' });
  await write(db, order, 10);
  await reader.readAll();
  expectWholeAndInOrder(reader.given, 20);
  expect(await countEras(db)).toBe(1);
});

test('processes that meet a restore at once open one era', async () => {
  const db = await begin();
  await write(db, newUuid(), 600);
  await restoreInPlace(db, 1_000_000);
  const readers = ['one', 'two', 'three', 'four'].map((name) => recorder(db, name));
  await Promise.all(readers.map((reader) => reader.readAll()));
  for (const reader of readers) expectWholeAndInOrder(reader.given, 600);
  expect(await countEras(db)).toBe(2);
});

test('an era is never changed: its row is the witness of where it was written', async () => {
  const db = await begin();
  await expect(db.execute({ text: 'update event_eras set after_position = 5' })).rejects.toThrow(/never changed/);
  await expect(db.execute({ text: 'delete from event_eras' })).rejects.toThrow(/never changed/);
});

test('a timeline that is led back to the beginning skips what it has, and goes on', async () => {
  const db = await begin();
  const order = newUuid();
  await write(db, order, 3);
  await everyoneElseEnded(db);
  expect((await feedOnce(db, orderTimeline)).count).toBe(3);
  await db.execute({ text: `update event_cursors set transaction_id = '0', position = 0` });
  await write(db, order, 2);
  await everyoneElseEnded(db);
  expect((await feedOnce(db, orderTimeline)).count).toBe(5);
  const rows = await db.query<{ sequence: number }>({ text: 'select sequence from order_timeline order by sequence' });
  expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
});
