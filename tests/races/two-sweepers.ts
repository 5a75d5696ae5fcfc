import { parkedUndoRestMs } from '../../src/sagas/saga.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type HttpShop, shopSecrets } from '../harness/http-shop.ts';
import type { Violation } from '../judges/judge.ts';
import { inLanes, type Race, raceIn, violationsOf } from './race.ts';

/**
 * Two sweepers and three workers over the same work, all of it due at one moment: orders whose deadline has passed
 * while workers carry them on, payments of which every message was lost, and undos that were parked in an outage.
 */
export const twoSweepers: Race = {
  name: 'two sweepers and three workers over what is overdue',
  run: (ground) =>
    raceIn(ground, { stock: { PLENTY: 1_000_000 }, apis: 2, workers: 0, sweepers: 0 }, async (shop) => {
      const count = ground.scale === 'full' ? 60 : 15;
      const { progress } = ground;
      const overdue = await overdueAtOnce(shop, count);
      progress(`two sweepers: ${count} overdue orders have ended`);
      const { forgotten, parked } = await outage(shop, count);
      progress(`two sweepers: ${count} payments are forgotten and ${count} undos are parked`);
      const replayed = await recovery(shop, forgotten, parked);
      return {
        violations: [
          ...(await movedOnce(shop, [...overdue, ...forgotten, ...parked])),
          ...(await endedAs(shop, 'confirmed', forgotten)),
          ...(await endedAs(shop, 'cancelled', parked)),
          ...violationsOf(5, 'parked undos', replayed !== count && `${replayed} of ${count} were replayed, once each`),
        ],
        figures: {
          'overdue orders among sweepers': overdue.length,
          'forgotten payments among sweepers': forgotten.length,
          'parked undos among sweepers': parked.length,
          'actors that moved overdue orders': await actorsOf(shop, overdue),
        },
      };
    }),
};

/** Orders that nobody works on yet are overdue at the moment at which all begin: sweepers and workers want them. */
async function overdueAtOnce(shop: HttpShop, count: number): Promise<string[]> {
  const orderIds = await place(shop, count);
  await makeOverdue(shop, orderIds);
  const all = await startAll(shop);
  await allEnded(shop, orderIds);
  await stopAll(all);
  return orderIds;
}

/**
 * The provider acts, nobody hears of it, and it cannot be asked. Then the messages of one half are lost; the other half
 * is taken back, and its voids are tried until they are dead.
 */
async function outage(shop: HttpShop, count: number): Promise<{ forgotten: string[]; parked: string[] }> {
  await setFaults(shop, ['authorise', 'act_and_cut'], ['find', 'fail_before'], ['void', 'fail_before']);
  const forgotten = await place(shop, count);
  const parked = await place(shop, count);
  const orderIds = [...forgotten, ...parked];
  const worker = await shop.addWorker();
  await until(shop, 'all payments are unknown', unknownPayments, orderIds, 2 * count);
  await worker.stop();
  await checkAfter(shop, orderIds, '1 hour');
  await loseMessages(shop, forgotten);
  await makeOverdue(shop, parked);
  const sweeper = await shop.addSweeper();
  await until(shop, 'all are taken back', cancellingOrders, parked, count);
  await freshAttempts(shop, parked);
  const all = [sweeper, await shop.addWorker({ attemptsMax: 3 })];
  await until(shop, 'all undos are parked', parkedLetters, parked, count);
  await stopAll(all);
  return { forgotten, parked };
}

/** On a slow machine a payment is due in the outage, and the message that asks for it dies like an undo. */
async function checkAfter(shop: HttpShop, orderIds: readonly string[], wait: string): Promise<void> {
  await shop.database.execute({
    text: 'update payments set next_check_at = now() + $2::interval where order_id = any($1::uuid[])',
    values: [orderIds, wait],
  });
  // Those that were asked for by a late webhook, also of the orders before the outage.
  await shop.database.execute({
    text: `update messages set available_at = now() + $1::interval, attempt = 0 where type = 'check-payment'`,
    values: [wait],
  });
}

/** As if their dead letters had been lost too. It is this race's own deed, so no judge is to look for them. */
async function loseMessages(shop: HttpShop, orderIds: readonly string[]): Promise<void> {
  await shop.database.execute({
    text: `
      with lost as (
        delete from messages where order_id = any($1::uuid[]) and type = 'authorise-payment' returning message_id
      )
      delete from messages_written w using lost where w.message_id = lost.message_id`,
    values: [orderIds],
  });
}

/** Undos die soon for the sake of time; what was tried before with a longer patience must not. */
async function freshAttempts(shop: HttpShop, orderIds: readonly string[]): Promise<void> {
  await shop.database.execute({
    text: 'update messages set attempt = 0 where order_id = any($1::uuid[])',
    values: [orderIds],
  });
}

/** The provider is back, and all that was left is due at once. How many letters were replayed, each once. */
async function recovery(shop: HttpShop, forgotten: readonly string[], parked: readonly string[]): Promise<number> {
  await clearFaults(shop);
  await checkAfter(shop, forgotten, '0');
  await shop.database.execute({
    text: `
      update dead_letters set died_at = died_at - $2 * interval '1 millisecond'
      where order_id = any($1::uuid[]) and status = 'open'`,
    values: [parked, parkedUndoRestMs],
  });
  const all = await startAll(shop);
  await allEnded(shop, [...forgotten, ...parked]);
  await stopAll(all);
  const [row] = await shop.database.query<{ count: number }>({
    text: `
      select count(*)::integer as count from dead_letters
      where order_id = any($1::uuid[]) and type = 'void-authorisation' and status = 'replayed'`,
    values: [parked],
  });
  // What is left to do is done by these.
  await shop.addWorker();
  await shop.addSweeper();
  return row?.count ?? 0;
}

type Stoppables = Awaited<ReturnType<HttpShop['addWorker']>>[];

async function startAll(shop: HttpShop): Promise<Stoppables> {
  return await Promise.all([
    shop.addSweeper(),
    shop.addSweeper(),
    shop.addWorker(),
    shop.addWorker(),
    shop.addWorker(),
  ]);
}

async function stopAll(all: Stoppables): Promise<void> {
  await Promise.all(all.map((each) => each.stop()));
}

async function place(shop: HttpShop, count: number): Promise<string[]> {
  return await inLanes(8, [...Array(count).keys()], async (index) => {
    const buyer = shop.buyer(`buyer-${newUuid()}`, { api: index % 2 });
    const cart = { lines: { PLENTY: 1 }, email: `${newUuid()}@example.com` };
    const { checkout } = await buyer.create(cart, { key: newUuid(), triesMax: 10 });
    if (checkout === null) throw new Error('no checkout was opened');
    const { outcome } = await buyer.complete(checkout, { key: newUuid(), token: 'tok_ok', triesMax: 10 });
    if (outcome.kind !== 'ok' || outcome.orderId === null) throw new Error(`no order: ${JSON.stringify(outcome)}`);
    return outcome.orderId;
  });
}

async function makeOverdue(shop: HttpShop, orderIds: readonly string[]): Promise<void> {
  await shop.database.execute({
    text: `
      update orders set deadline_at = now() - interval '1 second'
      where order_id = any($1::uuid[]) and deadline_at is not null`,
    values: [orderIds],
  });
}

const unknownPayments = `
  select count(*)::integer as count from payments where order_id = any($1::uuid[]) and status = 'unknown'`;
const cancellingOrders = `
  select count(*)::integer as count from orders where order_id = any($1::uuid[]) and status = 'cancelling'`;
const parkedLetters = `
  select count(*)::integer as count from dead_letters
  where order_id = any($1::uuid[]) and type = 'void-authorisation' and status = 'open'`;
const endedOrders = `
  select count(*)::integer as count from orders
  where order_id = any($1::uuid[]) and status in ('confirmed', 'cancelled')`;

async function allEnded(shop: HttpShop, orderIds: readonly string[]): Promise<void> {
  await until(shop, 'all orders have ended', endedOrders, orderIds, orderIds.length);
}

/** Undos are replayed twenty at a time, every 15 s by each sweeper. */
const withinMs = 120_000;

async function until(
  shop: HttpShop,
  what: string,
  text: string,
  orderIds: readonly string[],
  wanted: number,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const [row] = await shop.database.query<{ count: number }>({ text, values: [orderIds] });
    if (row?.count === wanted) return;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}, ${row?.count} of ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Every move of an order is on record once, by one actor. */
async function movedOnce(shop: HttpShop, orderIds: readonly string[]): Promise<Violation[]> {
  const twice = await shop.database.query<{ id: string; action: string; times: number; actors: string[] }>({
    text: `
      select order_id as id, action, count(*)::integer as times, array_agg(distinct actor) as actors
      from audit_entries where order_id = any($1::uuid[])
      group by order_id, action having count(*) > 1
      limit 20`,
    values: [orderIds],
  });
  return twice.map(({ id, action, times, actors }) => {
    return { promise: 6, subject: `order ${id}`, says: `"${action}" ${times} times, by ${actors.join(', ')}` };
  });
}

/** How many processes took overdue orders back; for the page only, because one may be faster than all others. */
async function actorsOf(shop: HttpShop, orderIds: readonly string[]): Promise<number> {
  const [row] = await shop.database.query<{ count: number }>({
    text: `
      select count(distinct actor)::integer as count from audit_entries
      where order_id = any($1::uuid[]) and action = 'going back'`,
    values: [orderIds],
  });
  return row?.count ?? 0;
}

async function endedAs(shop: HttpShop, status: string, orderIds: readonly string[]): Promise<Violation[]> {
  const others = await shop.database.query<{ id: string; status: string }>({
    text: `
      select order_id as id, status from orders where order_id = any($1::uuid[]) and status <> $2
      limit 20`,
    values: [orderIds, status],
  });
  return others.map((each) => {
    return { promise: 5, subject: `order ${each.id}`, says: `${each.status}, where only ${status} is right` };
  });
}

async function setFaults(shop: HttpShop, ...faults: readonly (readonly [string, string])[]): Promise<void> {
  for (const [operation, fault] of faults) {
    const answer = await fetch(`${shop.providerUrl}/control/faults`, {
      method: 'POST',
      headers: { 'x-control-secret': shopSecrets.control, 'content-type': 'application/json' },
      body: JSON.stringify({ operation, fault, times: 1_000_000 }),
    });
    if (answer.status !== 201) throw new Error(`the fault is not taken: ${await answer.text()}`);
  }
}

async function clearFaults(shop: HttpShop): Promise<void> {
  await fetch(`${shop.providerUrl}/control/faults`, {
    method: 'DELETE',
    headers: { 'x-control-secret': shopSecrets.control },
  });
}
