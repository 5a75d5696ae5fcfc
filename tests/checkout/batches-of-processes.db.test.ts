import { afterEach, expect, test } from 'vitest';
import { connect, type Database, type Statement, sqlState } from '../../src/shared/postgres/client.ts';
import { accepted, caller, eventually } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { booksOf, countedOn, endsOf, open, requestFor } from './committers.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(stock: Readonly<Record<string, number>>): Promise<TestWorld> {
  const world = await openWorld(stock);
  worlds.push(world);
  return world;
}

test('two processes that share scarce stock and keys sell each unit once and answer everyone', async () => {
  const world = await begin({ A: 30, B: 30, PLENTY: 1_000 });
  const carts = [
    { A: 1, PLENTY: 1 },
    { PLENTY: 1, B: 1 },
    { B: 1, A: 1 },
  ];
  const opened = await Promise.all(carts.map((cart) => open(world, cart, 40)));
  const requests = (opened.flat() as string[]).map((id) => requestFor(id));
  const pools = [1, 2].map((n) => connect({ url: world.url, applicationName: `till ${n}`, connectionsMax: 4 }));
  try {
    const tills = pools.map((pool) => countedOn(pool, { batchMax: 16, inFlightMax: 3 }));
    // The same keys reach both, in opposite order.
    const [ends = [], others = []] = await Promise.all(
      tills.map(({ committer }, index) => endsOf(committer, index === 0 ? requests : requests.toReversed())),
    );
    expect(new Set(ends)).toEqual(new Set(['committed', 'out_of_stock']));
    expect(others.toReversed()).toEqual(ends);
    const sold = ends.filter((end) => end === 'committed').length;
    const books = await Promise.all(['A', 'B'].map((sku) => booksOf(world.database, sku)));
    expect(books.map((each) => [each?.orders, each?.keys])).toEqual(Array(2).fill([sold, sold]));
    for (const each of books) expect([each?.held, each?.reserved]).toEqual([30, 30]);
  } finally {
    for (const pool of pools) await pool.close();
  }
});

test('two processes that write the same keys in opposite order do not wait for each other in a circle', async () => {
  const world = await begin({ PLENTY: 100 });
  const checkouts = await open(world, { PLENTY: 1 }, 12);
  for (const checkoutId of checkouts) accepted(await world.desk.cancel(caller, checkoutId, null));
  // Slow enough for both to be in the middle of it.
  await world.database.execute({
    text: `
      create function dawdle() returns trigger language plpgsql as $$
      begin
        perform pg_sleep(0.02);
        return new;
      end $$`,
  });
  await world.database.execute({
    text: 'create trigger dawdle before insert on commit_keys for each row execute function dawdle()',
  });
  const states: (string | null)[] = [];
  const watched: Database = {
    ...world.database,
    transaction: (work) =>
      world.database.transaction((tx) => {
        const query = <Row extends object>(statement: Statement) =>
          tx.query<Row>(statement).catch((error: unknown) => {
            states.push(sqlState(error));
            throw error;
          });
        return work({ ...tx, query });
      }),
  };
  const requests = checkouts.map((id) => requestFor(id));
  const ends = await Promise.all([
    endsOf(countedOn(watched).committer, requests),
    endsOf(countedOn(watched).committer, requests.toReversed()),
  ]);
  expect(new Set(ends.flat())).toEqual(new Set(['checkout_not_open']));
  // One of them had the first key; the other one met it, and read the answers.
  expect(states).toEqual(['23505']);
});

test('orders whose connection is lost fail at once, and a retry of their keys loses and doubles none', async () => {
  const world = await begin({ HELD: 100 });
  const checkouts = await open(world, { HELD: 1 }, 30);
  const holder = connect({ url: world.url, applicationName: 'holder', connectionsMax: 1 });
  const till = connect({ url: world.url, applicationName: 'till', connectionsMax: 4 });
  try {
    await holder.execute({ text: 'begin' });
    await holder.query({ text: `select 1 from stock where sku = 'HELD' for update` });
    const { committer, batches } = countedOn(till);
    const requests = checkouts.map((id) => requestFor(id));
    const ends = endsOf(committer, requests);
    const cut = `
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'till' and wait_event_type = 'Lock'`;
    await eventually('the batch waits and loses its connection', async () => {
      return (await world.database.query({ text: cut })).length === 1;
    });
    expect(await ends).toEqual(requests.map(() => 'connection lost'));
    expect(batches).toEqual([]);
    await holder.execute({ text: 'rollback' });
    expect(await endsOf(committer, requests)).toEqual(requests.map(() => 'committed'));
    expect(await booksOf(world.database, 'HELD')).toEqual({ held: 30, reserved: 30, orders: 30, keys: 30 });
  } finally {
    await Promise.all([holder.close(), till.close()]);
  }
});
