import { afterEach, expect, test } from 'vitest';
import { feedOnce, startEventFeed } from '../../src/messaging/event-feed.run.ts';
import type { StoredEvent } from '../../src/messaging/events.ts';
import { orderTimeline } from '../../src/orders/timeline.sql.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database, type Transaction } from '../../src/shared/postgres/client.ts';
import { eventually } from '../harness/shop.ts';
import { atRest, mixedTokens, openWorld, pick, randomFrom, seedOf, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
const sessions: Database[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(): Promise<TestWorld> {
  const world = await openWorld({ PLENTY: 10_000 });
  worlds.push(world);
  await world.database.execute({
    text: `
      create table applied (
        subscriber text, order_id uuid, sequence integer, place integer generated always as identity)`,
  });
  return world;
}

/** A connection of its own, on which a transaction stays open between statements. */
async function sessionOn(world: TestWorld): Promise<Database> {
  const session = connect({ url: world.url, applicationName: 'session', connectionsMax: 1 });
  sessions.push(session);
  await session.execute({ text: 'begin' });
  return session;
}

/** Writes down what it is given: its effect is in the transaction of its place in the feed. */
function recorder(name: string) {
  return {
    name,
    async apply(tx: Transaction, events: readonly StoredEvent[]): Promise<void> {
      await tx.execute({
        text: `
          insert into applied (subscriber, order_id, sequence)
          select $1, * from unnest($2::uuid[], $3::integer[])`,
        values: [name, events.map((event) => event.orderId), events.map((event) => event.sequence)],
      });
    },
  };
}

async function write(db: Database, orderId: string, sequence = 1): Promise<bigint> {
  const [row] = await db.query<{ position: bigint }>({
    text: `
      insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
      values ($1, 'demo', $2, $3, 'OrderPending', 1, '{}')
      returning position`,
    values: [newUuid(), orderId, sequence],
  });
  return row?.position ?? 0n;
}

/** What a reader does that trusts positions: the mistake that this schema is made against. */
async function readNaively(db: Database, after: bigint): Promise<{ position: bigint; orderId: string }[]> {
  return await db.query({
    text: 'select position, order_id as "orderId" from domain_events where position > $1 order by position limit 100',
    values: [after],
  });
}

async function appliedTo(world: TestWorld, subscriber: string): Promise<string[]> {
  const rows = await world.database.query<{ orderId: string }>({
    text: 'select order_id as "orderId" from applied where subscriber = $1 order by place limit 10',
    values: [subscriber],
  });
  return rows.map((row) => row.orderId);
}

test('an event that took its place early and was committed late is kept, where a naive reader loses it', async () => {
  const world = await begin();
  const [slowOrder, fastOrder] = [newUuid(), newUuid()];
  const slow = await sessionOn(world);
  const slowPosition = await write(slow, slowOrder);
  const fastPosition = await write(world.database, fastOrder);
  expect(fastPosition).toBeGreaterThan(slowPosition);

  const naive = (await readNaively(world.database, 0n)).map((event) => event.orderId);
  expect(naive).toEqual([fastOrder]);
  const subscriber = recorder('guarded');
  expect((await feedOnce(world.database, subscriber)).count).toBe(0);

  await slow.execute({ text: 'commit' });
  naive.push(...(await readNaively(world.database, fastPosition)).map((event) => event.orderId));
  expect(naive, 'the naive reader has lost the slow event').toEqual([fastOrder]);
  await eventually('both are applied', async () => {
    await feedOnce(world.database, subscriber);
    return (await appliedTo(world, 'guarded')).length === 2;
  });
  expect(await appliedTo(world, 'guarded')).toEqual([slowOrder, fastOrder]);
});

test('an event with an earlier number of a later transaction is not lost behind one that was read', async () => {
  const world = await begin();
  const [earlier, later] = [newUuid(), newUuid()];
  const first = await sessionOn(world);
  await first.query({ text: 'select pg_current_xact_id()' });
  const second = await sessionOn(world);
  const positionOfSecond = await write(second, later);
  expect(await write(first, earlier)).toBeGreaterThan(positionOfSecond);
  const subscriber = recorder('numbers');
  await first.execute({ text: 'commit' });
  await eventually('the event of the first transaction is applied', async () => {
    return (await feedOnce(world.database, subscriber)).count === 1;
  });
  await second.execute({ text: 'commit' });
  await eventually('the other one is applied', async () => (await feedOnce(world.database, subscriber)).count === 1);
  expect(await appliedTo(world, 'numbers')).toEqual([earlier, later]);
});

test('transactions that overlap in every way lose no event and apply none twice', async () => {
  const world = await begin();
  const random = randomFrom(seedOf('overlapping transactions'));
  const subscriber = recorder('overlap');
  let written = 0;
  let open: Database[] = [];
  for (let step = 0; step < 40; step += 1) {
    if (open.length < 5 && random() < 0.5) {
      const session = await sessionOn(world);
      await write(session, newUuid());
      open.push(session);
      written += 1;
    } else if (open.length > 0) {
      const ended = pick(random, open);
      const isKept = random() < 0.8;
      await ended.execute({ text: isKept ? 'commit' : 'rollback' });
      if (!isKept) written -= 1;
      open = open.filter((session) => session !== ended);
    }
    await feedOnce(world.database, subscriber);
  }
  for (const session of open) await session.execute({ text: 'commit' });
  await eventually('all are applied', async () => {
    await feedOnce(world.database, subscriber);
    const [all] = await world.database.query<{ count: number }>({
      text: 'select count(*)::integer as count from applied',
    });
    return all?.count === written;
  });
  const twice = await world.database.query({
    text: 'select order_id from applied group by order_id having count(*) > 1 limit 5',
  });
  expect(twice).toEqual([]);
});

test('of a mixed run no order has a gap, and feeders that race apply each event once and in order', async () => {
  const world = await begin();
  await Promise.all([world.start(), world.start()]);
  const options = {
    database: world.database,
    subscribers: [recorder('left'), recorder('right')],
    log: silentLogger,
    pollMs: 5,
  };
  const feeders = [startEventFeed(options), startEventFeed(options), startEventFeed(options)];
  const random = randomFrom(seedOf('events in order'));
  await Promise.all(Array.from({ length: 40 }, () => world.place(pick(random, mixedTokens))));
  await atRest(world.database);
  const gaps = await world.database.query({
    text: `
      select order_id from domain_events
      group by order_id having max(sequence) <> count(*) or min(sequence) <> 1
      union all
      select o.order_id from orders o
      join (select order_id, count(*) from domain_events group by order_id) e using (order_id)
      where o.next_sequence <> e.count + 1
      limit 10`,
  });
  expect(gaps).toEqual([]);
  await eventually('both subscribers and the timeline have all', async () => (await lagOf(world)).length === 0);
  await Promise.all(feeders.map((feeder) => feeder.stop()));
  const wrong = await world.database.query({
    text: `
      select subscriber, order_id, sequence, number from (
        select *, row_number() over (partition by subscriber, order_id order by place) as number from applied
      ) numbered
      where sequence <> number
      limit 10`,
  });
  expect(wrong, 'applied once each, and in order').toEqual([]);
});

async function lagOf(world: TestWorld): Promise<object[]> {
  return await world.database.query({
    text: `
      with wanted as (select count(*) as events from domain_events),
      have as (
        select 'left' as who, (select count(*) from applied where subscriber = 'left') as events
        union all select 'right', (select count(*) from applied where subscriber = 'right')
        union all select 'timeline', (select count(*) from order_timeline)
      )
      select who from have, wanted where have.events <> wanted.events limit 5`,
  });
}

test('a subscriber that fails is given the same events again, and its place does not move', async () => {
  const world = await begin();
  const order = newUuid();
  await write(world.database, order);
  const good = recorder('failing');
  const failing = {
    ...good,
    async apply(tx: Transaction, events: readonly StoredEvent[]): Promise<void> {
      await good.apply(tx, events);
      throw new Error('after its effect');
    },
  };
  await eventually('it is given the event', async () => {
    return await feedOnce(world.database, failing).then(
      () => false,
      (thrown: Error) => thrown.message === 'after its effect',
    );
  });
  expect(await appliedTo(world, 'failing')).toEqual([]);
  await eventually('the event comes again', async () => (await feedOnce(world.database, good)).count === 1);
  expect(await appliedTo(world, 'failing')).toEqual([order]);
});

test('the timeline stops loudly at a gap, and neither a gap nor a repetition enters it', async () => {
  const world = await begin();
  const order = newUuid();
  await write(world.database, order, 1);
  await write(world.database, order, 3);
  await eventually('the gap is met', async () => {
    return await feedOnce(world.database, orderTimeline).then(
      () => false,
      (thrown: Error) => /event 2 of order .* before event 3/.test(thrown.message),
    );
  });
  expect(await world.database.query({ text: 'select 1 from order_timeline limit 1' })).toEqual([]);
  await expect(write(world.database, order, 3)).rejects.toThrow(/one_event_per_sequence/);
});
