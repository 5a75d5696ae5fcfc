import { afterEach, expect, test } from 'vitest';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { accepted, caller, completeRequest, draftFor, eventually, openCheckout } from '../harness/shop.ts';
import { atRest, openWorld, pick, randomFrom, seedOf, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(stock: Readonly<Record<string, number>>): Promise<TestWorld> {
  const world = await openWorld(stock);
  worlds.push(world);
  return world;
}

/** What does not add up at this instant, in one snapshot: stock against its adjustments and what orders hold. */
async function breaksOf(database: Database): Promise<object[]> {
  return await database.query({
    text: `
      select s.sku, received_units, sold_units, held_units, a.units as adjusted, r.held, r.sold
      from stock s
      cross join lateral (
        select coalesce(sum(units), 0) as units from stock_adjustments a
        where a.merchant_id = s.merchant_id and a.sku = s.sku
      ) a
      cross join lateral (
        select coalesce(sum(units) filter (where status = 'held'), 0) as held,
               coalesce(sum(units) filter (where status = 'sold'), 0) as sold
        from reservations r where r.merchant_id = s.merchant_id and r.sku = s.sku
      ) r
      where a.units <> received_units or r.held <> held_units or r.sold <> sold_units
         or received_units - sold_units - held_units < 0
      limit 10`,
  });
}

/** Looks again and again until it is ended; says how often it looked and what it saw. */
function sample(database: Database): { end(): Promise<{ looks: number; breaks: object[] }> } {
  let isOver = false;
  const seen = (async () => {
    const breaks: object[] = [];
    let looks = 0;
    while (!isOver) {
      breaks.push(...(await breaksOf(database)));
      looks += 1;
    }
    return { looks, breaks };
  })();
  return {
    end() {
      isOver = true;
      return seen;
    },
  };
}

async function levelOf(database: Database, sku: string): Promise<unknown> {
  const rows = await database.query({
    text: 'select received_units as received, sold_units as sold, held_units as held from stock where sku = $1',
    values: [sku],
  });
  return rows[0];
}

test('of 200 buyers who want the last ten units ten get one, and 190 are told that it is out of stock', async () => {
  const world = await begin({ HOT: 10, PLENTY: 1_000 });
  await world.start();
  const checkouts = await Promise.all(
    Array.from({ length: 200 }, () => openCheckout(world.desk, draftFor({ PLENTY: 1, HOT: 1 }))),
  );
  const sampler = sample(world.database);
  const views = await Promise.all(
    checkouts.map(async ({ checkoutId }) =>
      accepted(await world.desk.complete(caller, checkoutId, completeRequest(newUuid()))),
    ),
  );
  await atRest(world.database);
  const { looks, breaks } = await sampler.end();
  expect(breaks).toEqual([]);
  expect(looks).toBeGreaterThan(3);
  const refusals = views.flatMap((view) => view.notices.map((notice) => notice.refusal));
  expect(views.filter((view) => view.status === 'completing')).toHaveLength(10);
  expect(refusals).toHaveLength(190);
  const lines = [{ index: 1, sku: 'HOT', wanted: 1, available: 0 }];
  for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'out_of_stock', details: { lines } });
  const [ended] = await world.database.query({
    text: `
      select count(*) filter (where status = 'confirmed')::integer as confirmed, count(*)::integer as all from orders`,
  });
  expect(ended).toEqual({ confirmed: 10, all: 10 });
  expect(await levelOf(world.database, 'HOT')).toEqual({ received: 10n, sold: 10n, held: 0n });
  expect(await levelOf(world.database, 'PLENTY')).toEqual({ received: 1_000n, sold: 10n, held: 0n });
});

test('carts with the same goods in opposite order do not wait for each other in a circle', async () => {
  const world = await begin({ A: 1_000, B: 1_000, C: 1_000 });
  await world.start();
  const carts = [
    ['A', 'B', 'C'],
    ['C', 'B', 'A'],
    ['B', 'C', 'A'],
  ];
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const skus = carts[index % carts.length] ?? [];
      const { checkoutId } = await openCheckout(world.desk, draftFor(Object.fromEntries(skus.map((sku) => [sku, 1]))));
      return await world.desk.complete(caller, checkoutId, completeRequest(newUuid()));
    }),
  );
  expect(answers.filter(isRefused)).toEqual([]);
  await atRest(world.database);
  expect(await breaksOf(world.database)).toEqual([]);
  expect(await levelOf(world.database, 'B')).toEqual({ received: 1_000n, sold: 60n, held: 0n });
  const [server] = await world.database.query<{ deadlocks: bigint }>({
    text: 'select deadlocks from pg_stat_database where datname = current_database()',
  });
  expect(server?.deadlocks).toBe(0n);
});

test('a commit that waits for its first goods holds none of the others meanwhile', async () => {
  const world = await begin({ A: 10, B: 10, C: 10 });
  const { checkoutId } = await openCheckout(world.desk, draftFor({ C: 1, B: 1, A: 1 }));
  const other = connect({ url: world.url, applicationName: 'other', connectionsMax: 1 });
  try {
    await other.execute({ text: 'begin' });
    await other.query({ text: `select 1 from stock where sku = 'A' for update` });
    const completing = world.desk.complete(caller, checkoutId, completeRequest(newUuid()));
    await eventually('the commit waits', async () => {
      const text = `
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`;
      return (await world.database.query({ text })).length === 1;
    });
    const free = await other.query({ text: `select sku from stock where sku in ('B', 'C') for update skip locked` });
    await other.execute({ text: 'commit' });
    expect(isRefused(await completing)).toBe(false);
    expect(free).toHaveLength(2);
  } finally {
    await other.close();
  }
});

test('while orders are sold, declined and taken back every unit is received, sold, held or free', async () => {
  const world = await begin({ A: 30, B: 40, C: 1_000 });
  await world.start();
  const random = randomFrom(seedOf('no oversell'));
  const sampler = sample(world.database);
  for (let wave = 0; wave < 4; wave += 1) {
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        const lines = { [pick(random, ['A', 'B'])]: 1 + Math.floor(random() * 3), C: 1 };
        const tokenText = pick(random, ['tok_ok', 'tok_card_declined', 'tok_ok.act_and_cut']);
        const { checkoutId } = await openCheckout(world.desk, draftFor(lines));
        accepted(await world.desk.complete(caller, checkoutId, completeRequest(newUuid(), { tokenText })));
      }),
    );
  }
  await atRest(world.database);
  const { looks, breaks } = await sampler.end();
  expect(breaks).toEqual([]);
  expect(looks).toBeGreaterThan(10);
  const held = await world.database.query({ text: 'select sku from stock where held_units <> 0 limit 10' });
  expect(held).toEqual([]);
  const ends = await world.database.query<{ status: string }>({ text: 'select distinct status from orders limit 10' });
  expect(ends.map((order) => order.status).sort()).toEqual(['cancelled', 'confirmed']);
});

test('stock that does not add up is found by the sampler of this suite', async () => {
  const world = await begin({ A: 10 });
  expect(await breaksOf(world.database)).toEqual([]);
  await world.database.execute({ text: 'update stock set held_units = 1' });
  expect(await breaksOf(world.database)).toMatchObject([{ sku: 'A', held_units: 1n }]);
});

test('no statement holds or sells more than was received', async () => {
  const world = await begin({ A: 10 });
  for (const change of [
    'held_units = 11',
    'sold_units = 11',
    'held_units = 6, sold_units = 5',
    'received_units = -1',
  ]) {
    await expect(world.database.execute({ text: `update stock set ${change}` })).rejects.toThrow(/violates check/);
  }
});
