import { afterEach, expect, test } from 'vitest';
import { replayDeadLetters } from '../../src/messaging/dead-letters.sql.ts';
import { take } from '../../src/messaging/messages.sql.ts';
import { messageTypes } from '../../src/messaging/queues.ts';
import type { Handler, Worker } from '../../src/messaging/worker.run.ts';
import { Retry } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { eventually } from '../harness/shop.ts';
import { drained, effectOn, effects, handlersOf, makeEffects, quickLane, send, workOn } from './queue-under-test.ts';

const scratches: TestDatabase[] = [];
const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  for (const scratch of scratches.splice(0)) await scratch.drop();
});

async function begin(): Promise<Database> {
  const scratch = await createTestDatabase();
  scratches.push(scratch);
  await makeEffects(scratch.database);
  return scratch.database;
}

function work(database: Database, handler: Handler, lane = quickLane): void {
  workers.push(workOn(database, handlersOf(handler), { lane }));
}

type Entry = { readonly attempt: number; readonly by: string; readonly reason: string };
type Letter = { readonly attempt: number; readonly reason: string; readonly status: string; readonly history: Entry[] };

async function letterOf(database: Database, messageId: string | undefined): Promise<Letter> {
  return await eventually('the message is in the dead letters', async () => {
    const rows = await database.query<Letter>({
      text: 'select attempt, reason, status, history from dead_letters where message_id = $1',
      values: [messageId],
    });
    return rows[0] ?? null;
  });
}

/** A worker that takes and is killed: its lease ends, and nobody says why. */
async function takeAndDie(database: Database): Promise<void> {
  const lease = { queue: 'stock' as const, count: 10, leaseId: newUuid(), leasedBy: 'killed worker', leaseMs: 1 };
  await eventually('the last lease is over', async () => (await take(database, lease)).length === 1);
}

test('a message that kills each of its workers dies in the end, and is not handled again', async () => {
  const database = await begin();
  const [id] = await send(database, 1);
  for (let kill = 0; kill < quickLane.attemptsMax; kill += 1) await takeAndDie(database);
  work(database, effectOn(database));
  const letter = await letterOf(database, id);
  expect(letter).toMatchObject({ status: 'open', attempt: 4, reason: 'gave up after 3 attempts' });
  expect(letter.history.map((entry) => entry.by)).toEqual([...Array(3).fill('killed worker'), 'worker under test']);
  expect(letter.history[0]?.reason).toContain('the lease expired');
  expect(await effects(database)).toMatchObject({ taken: 0 });
});

test('a message dies even if what waits for it cannot be parked, and its queue goes on', async () => {
  const database = await begin();
  const [id] = await send(database, 1);
  let parkings = 0;
  work(
    database,
    {
      async handle() {
        throw new Retry('it never works');
      },
      async onDead() {
        parkings += 1;
        throw new Error('nothing can be parked');
      },
    },
    { ...quickLane, leaseMs: 150 },
  );
  expect(await letterOf(database, id)).toMatchObject({ attempt: 4, reason: 'gave up after 3 attempts' });
  expect(parkings, 'it was tried once more').toBe(2);
  await drained(database);
});

test('a message that nobody can bury does not grow until its queue stands still', async () => {
  const database = await begin();
  const [id] = await send(database, 1);
  const entry = { at: '2026-11-21T05:16:42.123456+00:00', attempt: 1, by: 'w'.repeat(128), reason: '界'.repeat(166) };
  await database.execute({
    text: 'update messages set lease_id = gen_random_uuid(), history = $2, attempt = 1 where message_id = $1',
    values: [id, JSON.stringify(Array(60).fill(entry))],
  });
  for (let kill = 0; kill < 20; kill += 1) await takeAndDie(database);
  const [row] = await database.query<{ entries: number; last: string }>({
    text: `select jsonb_array_length(history) as entries, history -> -1 ->> 'reason' as last from messages limit 1`,
  });
  expect(row).toEqual({ entries: 60, last: expect.stringContaining('the lease expired') });
});

test('failed attempts stay with their message when it is handled at last, each with its reason', async () => {
  const database = await begin();
  await send(database, 1);
  const good = effectOn(database);
  const failures = [
    new Retry('the other side is away'),
    new TypeError('x is not a function'),
    new Error('bad \0 byte'),
  ];
  work(
    database,
    {
      async handle(message) {
        const failure = failures[message.attempt - 1];
        if (failure !== undefined) throw failure;
        await good.handle(message);
      },
    },
    { ...quickLane, attemptsMax: 4 },
  );
  await drained(database);
  const [handled] = await database.query<{ attempts: number; history: Entry[] }>({
    text: 'select attempts, history from messages_handled limit 2',
  });
  expect(handled?.attempts).toBe(4);
  expect(handled?.history).toMatchObject(
    ['the other side is away', 'TypeError: x is not a function', 'bad   byte'].map((reason, index) => ({
      attempt: index + 1,
      by: 'worker under test',
      reason,
    })),
  );
});

test('a message from a newer version is a dead letter, and a replay after the upgrade brings it back', async () => {
  const database = await begin();
  const [id] = await send(database, 1);
  await database.execute({ text: `update messages set type = 'from-the-future', schema_version = 7` });
  work(database, effectOn(database));
  expect(await letterOf(database, id)).toMatchObject({ reason: 'unknown message type from-the-future', attempt: 1 });
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  const replay = () =>
    database.transaction((tx) =>
      replayDeadLetters(tx, { merchantId: 'demo', messageIds: [id ?? ''], statuses: ['open'], by: 'ada' }),
    );
  const types: Record<string, unknown> = messageTypes;
  const { versions } = messageTypes['release-stock'];
  try {
    types['from-the-future'] = { queue: 'stock', newest: 7, versions: { 7: versions[1] } };
    work(database, effectOn(database));
    expect(await replay()).toMatchObject([{ messageId: id }]);
    await drained(database);
  } finally {
    delete types['from-the-future'];
  }
  expect(await effects(database)).toEqual({ taken: 1, messages: 1, handled: 1 });
  expect(await letterOf(database, id)).toMatchObject({ status: 'replayed' });
});
