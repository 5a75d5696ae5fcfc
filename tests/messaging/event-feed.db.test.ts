import { afterEach, expect, test, vi } from 'vitest';
import { type EventFeed, feedOnce, startEventFeed } from '../../src/messaging/event-feed.run.ts';
import { eventsPerReadMax } from '../../src/messaging/event-place.ts';
import type { StoredEvent } from '../../src/messaging/events.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type Logger, silentLogger } from '../../src/shared/log.ts';
import { connect, type Database, type Transaction } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { everyoneElseEnded } from '../promises/whole-and-in-order.ts';

const databases: TestDatabase[] = [];
const feeds: EventFeed[] = [];
afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.stop();
  for (const each of databases.splice(0)) await each.drop();
});

async function begin(): Promise<Database> {
  const scratch = await createTestDatabase();
  databases.push(scratch);
  return scratch.database;
}

async function write(db: Database, count: number): Promise<void> {
  await db.execute({
    text: `
      insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
      select gen_random_uuid(), 'demo', $1, n, 'OrderPending', 1, '{}' from generate_series(1, $2::integer) n`,
    values: [newUuid(), count],
  });
}

function subscriberOf(apply: (tx: Transaction, events: readonly StoredEvent[]) => Promise<void>) {
  return { name: 'under-test', apply };
}

function start(database: Database, log: Logger, apply: Parameters<typeof subscriberOf>[0]): EventFeed {
  const feed = startEventFeed({ database, subscribers: [subscriberOf(apply)], log, pollMs: 5 });
  feeds.push(feed);
  return feed;
}

test('more events of one transaction than a read holds come whole, each once', async () => {
  const db = await begin();
  await write(db, eventsPerReadMax * 2 + 200);
  const sizes: number[] = [];
  const subscriber = subscriberOf(async (_tx, events) => void sizes.push(events.length));
  await everyoneElseEnded(db);
  while ((await feedOnce(db, subscriber)).mayBeMore);
  expect(sizes).toEqual([eventsPerReadMax, eventsPerReadMax, 200]);
});

test('a feed goes on through a subscriber that fails and a database that goes away', async () => {
  const db = await begin();
  await write(db, 3);
  let failures = 0;
  const got: number[] = [];
  const feed = start(db, silentLogger, async (_tx, events) => {
    failures += 1;
    if (failures < 3) throw new Error('not yet');
    got.push(events.length);
  });
  await vi.waitFor(() => expect(got).toEqual([3]), { timeout: 15_000 });

  const away = connect({ url: 'postgres://u:p@127.0.0.1:1/x', applicationName: 'tests', connectionsMax: 1 });
  const warnings: string[] = [];
  const lost = start(away, { ...silentLogger, warn: (message) => void warnings.push(message) }, async () => {});
  await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(3), { timeout: 15_000 });
  await away.close();
  const ends = Promise.all([feed.ended, lost.ended]);
  await Promise.all([feed.stop(), lost.stop()]);
  expect(await ends).toEqual([undefined, undefined]);
});

test('a feed that cannot even log tells that it ended, and can still be stopped', async () => {
  const db = await begin();
  await write(db, 1);
  const deaf: Logger = {
    ...silentLogger,
    warn() {
      throw new Error('no space left for the log');
    },
  };
  const feed = start(db, deaf, async () => {
    throw new Error('cannot apply');
  });
  await expect(feed.ended).rejects.toThrow('no space left for the log');
  await feed.stop();
});
