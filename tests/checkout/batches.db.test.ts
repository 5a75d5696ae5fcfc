import { afterEach, expect, test } from 'vitest';
import { sleep } from '../../src/shared/clock.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Queryable } from '../../src/shared/postgres/client.ts';
import { accepted, caller, completeRequest, deskOn } from '../harness/shop.ts';
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

test('one transaction gives each of its orders its own outcome', async () => {
  const world = await begin({ PLENTY: 100, SCARCE: 1, DEAR: 10 });
  const [bought = '', fresh = '', other = ''] = await open(world, { PLENTY: 1 }, 3);
  const [first = '', late = ''] = await open(world, { PLENTY: 1, SCARCE: 1 }, 2);
  const [repriced = ''] = await open(world, { DEAR: 1 }, 1);
  const text = `update products set price_minor = 999 where sku = 'DEAR'`;
  await world.database.execute({ text });
  const { committer, batches, decided } = countedOn(world.database);
  const done = requestFor(bought);
  expect(await endsOf(committer, [done])).toEqual(['committed']);
  const ends = await endsOf(committer, [
    done,
    requestFor(other, { idempotencyKey: 'used' }),
    requestFor(newUuid()),
    requestFor(first),
    requestFor(late),
    requestFor(fresh),
    requestFor(repriced),
    requestFor(other, { seenVersion: 7, idempotencyKey: 'stale' }),
  ]);
  expect(ends).toEqual([
    'committed',
    'committed',
    'not_found',
    'committed',
    'out_of_stock',
    'committed',
    'price_changed',
    'checkout_not_open',
  ]);
  // The last one waited for the other one of its checkout.
  expect(batches).toEqual([1, 7, 1]);
  expect(decided).toEqual(['committed', ...ends]);
  const reused = requestFor(fresh, { idempotencyKey: 'used' });
  expect(await endsOf(committer, [reused, done])).toEqual(['idempotency_key_reused', 'committed']);
  expect(await booksOf(world.database, 'PLENTY')).toEqual({ held: 4, reserved: 4, orders: 4, keys: 4 });
});

test('what the commit answers to show is what is stored, also after a new price', async () => {
  const world = await begin({ MOVES: 10 });
  const [same = '', moved = ''] = await open(world, { MOVES: 1 }, 2);
  const { committer } = countedOn(world.database);
  const before = await committer.commit(requestFor(same));
  await world.database.execute({ text: `update products set price_minor = 999 where sku = 'MOVES'` });
  const after = await committer.commit(requestFor(moved));
  for (const [checkoutId, answer, version] of [
    [same, before, 1],
    [moved, after, 2],
  ] as const) {
    if (isRefused(answer) || answer.shown === null) throw new Error('there is nothing to show');
    const [row] = await world.database.query<{ total: bigint; expiresAt: Date }>({
      text: `
        select q.total_minor as total, c.expires_at as "expiresAt"
        from quotes q join checkouts c using (checkout_id) where q.checkout_id = $1 and q.version = $2`,
      values: [checkoutId, version],
    });
    expect([answer.version, answer.shown.quote.version]).toEqual([version, version]);
    expect([answer.shown.quote.content.totalMinor, answer.shown.expiresAt]).toEqual([row?.total, row?.expiresAt]);
  }
});

test('an order that the database refuses does not fail those that came with it', async () => {
  const world = await begin({ PLENTY: 100, POISON: 100 });
  const good = await open(world, { PLENTY: 1 }, 20);
  const [bad = ''] = await open(world, { POISON: 1 }, 1);
  await world.database.execute({
    text: `
      create function poison() returns trigger language plpgsql as $$
      begin
        raise exception 'poisoned' using errcode = 'check_violation';
      end $$`,
  });
  await world.database.execute({
    text: `
      create trigger poison before insert on reservations for each row when (new.sku = 'POISON')
      execute function poison()`,
  });
  const { committer, batches } = countedOn(world.database);
  const requests = [...good.slice(0, 11), bad, ...good.slice(11)].map((id) => requestFor(id));
  const ends = await endsOf(committer, requests);
  expect(ends.map((end, index) => (index === 11 ? end === 'failed' : end === 'committed'))).not.toContain(false);
  expect(batches.reduce((sum, size) => sum + size, 0)).toBe(20);
  expect(await booksOf(world.database, 'PLENTY')).toEqual({ held: 20, reserved: 20, orders: 20, keys: 20 });
  // As before, the caller may retry, and those that are done stay done.
  await world.database.execute({ text: 'drop trigger poison on reservations' });
  expect(await endsOf(committer, requests)).toEqual(requests.map(() => 'committed'));
  expect(await booksOf(world.database, 'PLENTY')).toEqual({ held: 20, reserved: 20, orders: 21, keys: 21 });
});

test('of a key and of a checkout that are asked for many times at once there is one order', async () => {
  const world = await begin({ PLENTY: 100 });
  const [twice = '', alone = ''] = await open(world, { PLENTY: 1 }, 2);
  const { committer } = countedOn(world.database, { batchMax: 64, inFlightMax: 4 });
  const request = requestFor(twice);
  const keys = Array.from({ length: 8 }, () => requestFor(alone));
  const answers = await Promise.all([
    ...Array.from({ length: 8 }, () => committer.commit(request)),
    ...keys.map((each) => committer.commit(each)),
  ]);
  const orders = answers.map((each) => ('outcome' in each && each.outcome === 'committed' ? each.orderId : null));
  expect(new Set(orders.slice(0, 8)).size).toBe(1);
  expect(orders.slice(8).map((order) => order !== null)).toEqual([true, ...Array(7).fill(false)]);
  expect(await booksOf(world.database, 'PLENTY')).toEqual({ held: 2, reserved: 2, orders: 2, keys: 2 });
});

test('completes that wait for each other are all meant for the price that their buyers saw', async () => {
  const world = await begin({ MOVES: 100 });
  const [checkoutId = ''] = await open(world, { MOVES: 1 }, 1);
  await world.database.execute({ text: `update products set price_minor = 999 where sku = 'MOVES'` });
  const { committer } = countedOn(world.database);
  const together = await endsOf(
    committer,
    Array.from({ length: 4 }, () => requestFor(checkoutId)),
  );
  expect(together).toEqual(['price_changed', ...Array(3).fill('quote_changed')]);
  expect(await endsOf(committer, [requestFor(checkoutId)])).toEqual(['committed']);
});

test('of 300 buyers of the last 20 units the first 20 get one, whatever batches they come in', async () => {
  const world = await begin({ HOT: 20, PLENTY: 1_000 });
  const checkouts = await open(world, { HOT: 1, PLENTY: 1 }, 300);
  const { committer, batches } = countedOn(world.database, { batchMax: 16, inFlightMax: 4 });
  const ends = await endsOf(
    committer,
    checkouts.map((id) => requestFor(id)),
  );
  expect(ends).toEqual([...Array(20).fill('committed'), ...Array(280).fill('out_of_stock')]);
  expect(await booksOf(world.database, 'HOT')).toEqual({ held: 20, reserved: 20, orders: 20, keys: 20 });
  expect(batches.length).toBeLessThan(40);
});

test('a batch that is slow at the start is not overtaken by the one behind it', async () => {
  const world = await begin({ HOT: 8 });
  const checkouts = await open(world, { HOT: 1 }, 16);
  let begun = 0;
  const { committer, batches } = countedOn(
    {
      ...world.database,
      transaction: async (work) => {
        begun += 1;
        if (begun === 1) await sleep(150);
        return await world.database.transaction(work);
      },
    },
    { batchMax: 8, inFlightMax: 2 },
  );
  const ends = await endsOf(
    committer,
    checkouts.map((id) => requestFor(id)),
  );
  expect(ends).toEqual([...Array(8).fill('committed'), ...Array(8).fill('out_of_stock')]);
  expect(batches).toEqual([8, 8]);
});

test('a complete asks the database only in its transaction, whether it buys, is refused or asks again', async () => {
  const world = await begin({ PLENTY: 10, GONE: 1 });
  const [bought = '', sold = '', late = ''] = [
    ...(await open(world, { PLENTY: 1 }, 1)),
    ...(await open(world, { GONE: 1 }, 2)),
  ];
  const outside: string[] = [];
  const inside: string[] = [];
  const told = (into: string[], on: Queryable): Queryable => ({
    query: (statement) => {
      into.push(statement.name ?? statement.text);
      return on.query(statement);
    },
    execute: (statement) => on.execute(statement),
  });
  const desk = deskOn({
    ...world.database,
    ...told(outside, world.database),
    transaction: (work) => world.database.transaction((tx) => work({ ...tx, ...told(inside, tx) })),
  });
  const looked = ['read_checkouts', 'read_complete_keys', 'lock_stock'];
  for (const [checkoutId, key, statements] of [
    [bought, 'one', [...looked, 'write_commit']],
    [sold, 'two', [...looked, 'write_commit']],
    [late, 'three', [...looked, 'write_commit']],
    [bought, 'one', looked],
  ] as const) {
    accepted(await desk.complete(caller, checkoutId, completeRequest(key)));
    expect(inside.splice(0)).toEqual(statements);
  }
  // The hint for the workers goes its own way, and nobody waits for it.
  expect(outside.filter((name) => name !== 'wake')).toEqual([]);
});
