import { afterEach, expect, test } from 'vitest';
import { feedOnce } from '../../src/messaging/event-feed.run.ts';
import { readGauges } from '../../src/operations/gauges.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { withoutTriggers } from '../harness/second-cluster.ts';
import { everyoneElseEnded } from '../promises/whole-and-in-order.ts';

const databases: TestDatabase[] = [];
const sessions: Database[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  for (const each of databases.splice(0)) await each.drop();
});

async function begin(): Promise<TestDatabase> {
  const scratch = await createTestDatabase();
  databases.push(scratch);
  return scratch;
}

async function write(db: Database, ageSeconds: number): Promise<void> {
  await db.execute({
    text: `
      insert into domain_events
        (event_id, merchant_id, order_id, sequence, type, schema_version, data, occurred_at)
      values (gen_random_uuid(), 'demo', $1, 1, 'OrderPending', 1, '{}', now() - $2 * interval '1 second')`,
    values: [newUuid(), ageSeconds],
  });
}

async function readAll(db: Database, name: string): Promise<void> {
  await everyoneElseEnded(db);
  while ((await feedOnce(db, { name, apply: async () => {} })).mayBeMore);
  expect(await lagOf(db, name)).toBe(0);
}

/** The lag in seconds, of which the test itself takes some. */
async function expectLag(db: Database, subscriber: string, seconds: number): Promise<void> {
  const lag = await lagOf(db, subscriber);
  expect(lag).toBeGreaterThanOrEqual(seconds);
  expect(lag).toBeLessThan(seconds + 15);
}

async function lagOf(db: Database, subscriber: string): Promise<number | undefined> {
  const readings = await readGauges(db);
  const own = readings.find((each) => {
    return each.name === 'onetill_event_feed_lag_seconds' && each.labels.subscriber === subscriber;
  });
  return own?.value;
}

test('the lag of a subscriber is the age of its oldest unread event, and 0 when it has read all', async () => {
  const { database } = await begin();
  await write(database, 500);
  await readAll(database, 'prompt');
  await readAll(database, 'slow');
  await write(database, 90);
  await write(database, 30);
  await expectLag(database, 'slow', 90);
  await readAll(database, 'prompt');
  expect(await lagOf(database, 'prompt')).toBe(0);
  await expectLag(database, 'slow', 90);
});

test('an event that an older open transaction keeps from being read counts as unread', async () => {
  const { database, url } = await begin();
  await readAll(database, 'held');
  const slow = connect({ url, applicationName: 'session', connectionsMax: 1 });
  sessions.push(slow);
  await slow.execute({ text: 'begin' });
  await write(slow, 70);
  await write(database, 40);
  expect((await feedOnce(database, { name: 'held', apply: async () => {} })).count).toBe(0);
  await expectLag(database, 'held', 40);
  await slow.execute({ text: 'commit' });
  await expectLag(database, 'held', 70);
  await readAll(database, 'held');
});

test('an event below the highest that was read, committed late, counts as unread', async () => {
  const { database } = await begin();
  await database.query({ text: `select nextval(pg_get_serial_sequence('domain_events', 'position'))` });
  await write(database, 10);
  await readAll(database, 'past-it');
  await database.execute({
    text: `
      insert into domain_events
        (position, event_id, merchant_id, order_id, sequence, type, schema_version, data, occurred_at)
      overriding system value
      values (1, gen_random_uuid(), 'demo', $1, 1, 'OrderPending', 1, '{}', now() - interval '80 seconds')`,
    values: [newUuid()],
  });
  await expectLag(database, 'past-it', 80);
  await readAll(database, 'past-it');
});

test('after a restore the lag is told right before any feed has met it, and 0 again when all is read', async () => {
  const { database } = await begin();
  await write(database, 900);
  await readAll(database, 'restored');
  await write(database, 300);
  await restore(database);
  await expectLag(database, 'restored', 300);
  await readAll(database, 'restored');
  await restore(database);
  expect(await lagOf(database, 'restored')).toBe(0);
  await write(database, 20);
  await expectLag(database, 'restored', 20);
  await readAll(database, 'restored');
});

/** Copies the rows in place, and lets their ids look as those of a cluster that has counted further. */
async function restore(database: Database): Promise<void> {
  await withoutTriggers(
    database,
    `with events as (update domain_events set transaction_id = (transaction_id::text::bigint + 1000000)::text::xid8),
     cursors as (update event_cursors set transaction_id = (transaction_id::text::bigint + 1000000)::text::xid8)
     update event_eras set opened_at = opened_at`,
  );
}
