import { afterEach, expect, test } from 'vitest';
import { settle, settleOrRetry, take } from '../../src/messaging/messages.sql.ts';
import type { Worker } from '../../src/messaging/worker.run.ts';
import { assert } from '../../src/shared/assert.ts';
import { sleep } from '../../src/shared/clock.ts';
import { Retry } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { eventually } from '../harness/shop.ts';
import { atRest, mixedTokens, openWorld, pick, randomFrom, seedOf } from '../harness/world.ts';
import {
  consumer,
  drained,
  effectOn,
  effects,
  handlersOf,
  makeEffects,
  quickLane,
  send,
  workOn,
} from '../messaging/queue-under-test.ts';

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

const lease = (name: string, leaseMs: number) => ({
  queue: 'stock' as const,
  count: 10,
  leaseId: newUuid(),
  leasedBy: name,
  leaseMs,
});

test('a message whose worker was killed between taking and settling is handled by another, once', async () => {
  const database = await begin();
  const [id] = await send(database, 1);
  const [killed] = await take(database, lease('killed worker', 200));
  expect(killed).toMatchObject({ messageId: id, attempt: 1 });
  expect(await take(database, lease('too early', 200))).toEqual([]);
  const history = new Promise<unknown>((resolve) => {
    workers.push(
      workOn(
        database,
        handlersOf({
          async handle(message) {
            const [row] = await database.query<{ history: unknown }>({ text: 'select history from messages limit 1' });
            resolve(row?.history);
            await effectOn(database).handle(message);
          },
        }),
      ),
    );
  });
  expect(await history).toMatchObject([{ attempt: 1, by: 'killed worker', reason: expect.stringContaining('lease') }]);
  await drained(database);
  // The worker that was taken for dead comes back, and finds that its effect is not wanted any more.
  const late = database.transaction(async (tx) => {
    await tx.execute({ text: 'insert into effects values ($1, $2)', values: [id, 'killed worker'] });
    assert(killed !== undefined, 'a message that was taken');
    await settleOrRetry(tx, killed, consumer);
  });
  await expect(late).rejects.toBeInstanceOf(Retry);
  expect(await effects(database)).toEqual({ taken: 1, messages: 1, handled: 1 });
  expect(await database.query({ text: 'select attempts from messages_handled limit 2' })).toEqual([{ attempts: 2 }]);
});

test('a worker that hangs beyond its lease loses the message, and only one of two effects stays', async () => {
  const database = await begin();
  await send(database, 1);
  const [hung] = await take(database, lease('hung worker', 50));
  const taken = await eventually(
    'the lease expires',
    async () => (await take(database, lease('next', 5_000)))[0] ?? null,
  );
  assert(hung !== undefined, 'a message that was taken');
  const ends = await Promise.all(
    [hung, taken].map((message) => database.transaction((tx) => settle(tx, message, consumer))),
  );
  expect(ends).toEqual([false, true]);
});

test('a poison message goes to the dead letters with its history, while its neighbours go on', async () => {
  const database = await begin();
  const [unknownType, unknownVersion, misfit, thrower] = await send(database, 4);
  const spoil: readonly [string | undefined, string][] = [
    [unknownType, `type = 'from-the-future'`],
    [unknownVersion, 'schema_version = 99'],
    [misfit, `payload = '{"surprise": 1}'`],
  ];
  for (const [id, change] of spoil) {
    await database.execute({ text: `update messages set ${change} where message_id = $1`, values: [id] });
  }
  await send(database, 20);
  const good = effectOn(database);
  workers.push(
    workOn(
      database,
      handlersOf({
        async handle(message) {
          assert(message.messageId !== thrower, 'the handler meets a case that cannot be');
          await good.handle(message);
        },
      }),
    ),
  );
  await drained(database);
  expect(await effects(database)).toEqual({ taken: 20, messages: 20, handled: 20 });
  const letters = await database.query<{ id: string; reason: string; attempt: number; history: object[] }>({
    text: 'select message_id as id, reason, attempt, history from dead_letters limit 10',
  });
  const byId = new Map(letters.map((letter) => [letter.id, letter]));
  expect(byId.size).toBe(4);
  expect(byId.get(unknownType ?? '')?.reason).toBe('unknown message type from-the-future');
  expect(byId.get(unknownVersion ?? '')?.reason).toBe('unknown schema version 99 of release-stock');
  expect(byId.get(misfit ?? '')?.reason).toContain('payload does not fit release-stock: /surprise');
  const dead = byId.get(thrower ?? '');
  expect(dead).toMatchObject({ attempt: 3, reason: expect.stringContaining('gave up after 3 attempts') });
  expect(dead?.history).toMatchObject([1, 2, 3].map((attempt) => ({ attempt, by: 'worker under test' })));
});

test('two workers that race for one queue handle each message once, wherever attempts fail', async () => {
  const database = await begin();
  const random = randomFrom(seedOf('two workers'));
  const ids = await send(database, 300);
  const lane = { ...quickLane, attemptsMax: 50, concurrency: 8 };
  for (const name of ['left', 'right']) {
    const good = effectOn(database, name, async () => {
      if (random() < 0.2) throw new Retry('before the effect');
    });
    const handler = handlersOf({
      async handle(message) {
        await good.handle(message);
        // The reply of the commit is lost: the worker believes that it failed, and the message must not come again.
        if (random() < 0.2) throw new Error('after the effect');
      },
    });
    workers.push(workOn(database, handler, { lane, workerName: name }));
  }
  await drained(database);
  expect(await effects(database)).toEqual({ taken: ids.length, messages: ids.length, handled: ids.length });
  const by = await database.query({ text: 'select distinct done_by from effects limit 3' });
  expect(by).toHaveLength(2);
});

test('every message that orders of a mixed run wrote was handled once, by whichever of two workers', async () => {
  const world = await openWorld({ PLENTY: 10_000 });
  try {
    await world.database.execute({ text: 'create table written (message_id uuid primary key, type text)' });
    await world.database.execute({
      text: `
        create function remember() returns trigger language plpgsql as $$
        begin insert into written values (new.message_id, new.type); return new; end $$`,
    });
    await world.database.execute({
      text: 'create trigger written after insert on messages for each row execute function remember()',
    });
    await Promise.all([world.start(), world.start()]);
    const random = randomFrom(seedOf('messages of a mixed run'));
    await Promise.all(Array.from({ length: 40 }, () => world.place(pick(random, mixedTokens))));
    await atRest(world.database);
    const differ = await world.database.query({
      text: `
        select w.type, count(h.message_id)::integer as handled
        from written w left join messages_handled h using (message_id)
        where w.message_id not in (select message_id from messages)
        group by w.message_id, w.type having count(h.message_id) <> 1
        limit 10`,
    });
    expect(differ).toEqual([]);
    const [counted] = await world.database.query<{ count: number }>({
      text: 'select count(*)::integer as count from messages_handled',
    });
    expect(counted?.count).toBeGreaterThan(100);
  } finally {
    await world.stop();
  }
});

test('a worker that is alive keeps a message for longer than its lease, by renewing it', async () => {
  const database = await begin();
  await send(database, 1);
  const lane = { ...quickLane, leaseMs: 750 };
  const slow = effectOn(database, 'slow', () => sleep(1_900));
  workers.push(workOn(database, handlersOf(slow), { lane }));
  await eventually('it is taken', async () => {
    return (await database.query({ text: 'select 1 from messages where attempt = 1 limit 1' })).length === 1;
  });
  workers.push(workOn(database, handlersOf(effectOn(database, 'other')), { lane }));
  await drained(database);
  expect(await database.query({ text: 'select done_by from effects limit 2' })).toEqual([{ done_by: 'slow' }]);
  expect(await database.query({ text: 'select attempts from messages_handled limit 2' })).toEqual([{ attempts: 1 }]);
});

test('a message does not come again before the time that Retry-After asked for', async () => {
  const database = await begin();
  await send(database, 1);
  const taken: number[] = [];
  const good = effectOn(database);
  workers.push(
    workOn(
      database,
      handlersOf({
        async handle(message) {
          taken.push(performance.now());
          if (message.attempt === 1) throw new Retry('asked to wait', { retryAfterMs: 600 });
          await good.handle(message);
        },
      }),
    ),
  );
  await drained(database);
  const [first = 0, second = 0] = taken;
  expect(taken).toHaveLength(2);
  expect(second - first).toBeGreaterThanOrEqual(600);
});

test('a message of one cause is alive once, and may be written again after it was handled', async () => {
  const database = await begin();
  await send(database, 1, { idempotencyKey: 'the cause' });
  await send(database, 1, { idempotencyKey: 'the cause' });
  workers.push(workOn(database, handlersOf(effectOn(database))));
  await drained(database);
  expect(await effects(database)).toEqual({ taken: 1, messages: 1, handled: 1 });
  await send(database, 1, { idempotencyKey: 'the cause' });
  await drained(database);
  expect(await effects(database)).toEqual({ taken: 2, messages: 2, handled: 2 });
});

test('a message that is sent for again while it waits keeps its time', async () => {
  const database = await begin();
  await send(database, 1, { idempotencyKey: 'the cause', delayMs: 60_000 });
  await send(database, 1, { idempotencyKey: 'the cause' });
  expect(await take(database, lease('eager worker', 200))).toEqual([]);
});
