import { afterEach, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { replayLetter } from '../../src/operations/dead-letters.run.ts';
import { reviewOrder } from '../../src/operations/review.run.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { sweepOverdueOrders } from '../../src/sagas/sweeper.run.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { endOf, eventually, merchantId, quickQueues } from '../harness/shop.ts';
import { atRest, mixedTokens, openWorld, pick, randomFrom, seedOf, type TestWorld } from '../harness/world.ts';
import { illegalTransitions, watchTransitions } from './transitions-seen.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(options?: Parameters<typeof openWorld>[1]): Promise<TestWorld> {
  const world = await openWorld({ PLENTY: 100_000 }, options);
  worlds.push(world);
  return world;
}

const deed = (database: Database) => ({ database, newId: newUuid, merchantId, by: 'ada' });

/** Quantities that the screen of these tests does not accept at once. */
const heldUnits = 7;
const refusedUnits = 9;
const screen: FraudScreen = {
  kind: 'local',
  name: 'by quantity',
  judge({ total }) {
    const units = Number((total.amountMinor - 395n) / 255n);
    if (units === heldUnits) return { verdict: 'hold', reason: 'seven of them' };
    return units === refusedUnits ? { verdict: 'refuse', reason: 'nine of them' } : { verdict: 'accept' };
  },
};

/** A provider that can be away: calls then could not be posted. */
function mayBeAway(provider: PaymentProvider): PaymentProvider & { isAway: boolean } {
  const gone = { outcome: 'could-not-post', reason: 'no connection' } as const;
  const self: PaymentProvider & { isAway: boolean } = {
    ...provider,
    isAway: false,
    authorise: async (request) => (self.isAway ? gone : await provider.authorise(request)),
    void: async (request) => (self.isAway ? gone : await provider.void(request)),
    find: async (request) => (self.isAway ? gone : await provider.find(request)),
  };
  return self;
}

async function oneRow<Row extends object>(database: Database, text: string, orderId: string): Promise<Row | null> {
  return (await database.query<Row>({ text, values: [orderId] }))[0] ?? null;
}

async function statusOf(database: Database, orderId: string): Promise<string | undefined> {
  const text = 'select status from orders where order_id = $1';
  return (await oneRow<{ status: string }>(database, text, orderId))?.status;
}

async function expire(database: Database, orderId: string): Promise<void> {
  await database.execute({
    text: `update orders set deadline_at = now() where order_id = $1 and deadline_at is not null`,
    values: [orderId],
  });
}

/** Orders that ended with something left undone. */
async function unfinished(database: Database): Promise<object[]> {
  return await database.query({
    text: `
      select o.order_id, o.status, o.cancel_code, s.status as saga, p.status as payment
      from orders o join sagas s using (order_id) join payments p using (order_id)
      where not (
        o.status = 'confirmed' and s.status = 'completed' and p.status = 'authorised' and not exists (
          select 1 from reservations r where r.order_id = o.order_id and r.status <> 'sold')
        or o.status = 'cancelled' and s.status = 'compensated' and p.status in ('declined', 'voided', 'abandoned')
        and not exists (select 1 from reservations r where r.order_id = o.order_id and r.status <> 'released')
        and not exists (select 1 from saga_steps t where t.order_id = o.order_id
                        and (t.status in ('running', 'waiting') or t.undo not in ('none', 'done'))))
      limit 5`,
  });
}

test('every order of a run with faults, holds, an outage and a new worker ends with nothing left undone', async () => {
  const world = await begin();
  await watchTransitions(world.database);
  const provider = mayBeAway(world.simulated.provider);
  const random = randomFrom(seedOf('every order ends'));
  const workers = [await world.start({ provider, screen })];
  const placed: string[] = [];
  for (let wave = 0; wave < 6; wave += 1) {
    provider.isAway = wave === 2 || wave === 3;
    const stopped = wave === 3 ? workers[0]?.stop() : undefined;
    placed.push(
      ...(await Promise.all(
        Array.from({ length: 22 }, () =>
          world.place(pick(random, mixedTokens), { PLENTY: pick(random, [1, 2, 3, heldUnits, refusedUnits]) }),
        ),
      )),
    );
    await stopped;
    if (wave === 3) workers.push(await world.start({ provider, screen }));
  }
  provider.isAway = false;
  await decideHeld(world.database);
  await atRest(world.database, 40_000);
  expect(await unfinished(world.database)).toEqual([]);
  for (const orderId of placed) {
    const expected = (await statusOf(world.database, orderId)) === 'confirmed' ? 1 : 0;
    await eventually(`the money of ${orderId}`, async () => world.live(orderId) === expected);
  }
  const ends = await world.database.query<{ end: string }>({
    text: `select distinct coalesce(cancel_code, status) as end from orders order by 1 limit 10`,
  });
  expect(ends.map((each) => each.end)).toEqual(['confirmed', 'order_refused', 'payment_failed']);
  expect(await world.database.query({ text: 'select type, reason from dead_letters limit 5' })).toEqual([]);
  expect(await illegalTransitions(world.database)).toEqual([]);
}, 60_000);

/** A third of the held orders is accepted, a third refused, and a third forgotten until its deadline. */
async function decideHeld(database: Database): Promise<void> {
  await eventually('each order is decided or held', async () => {
    const open = await database.query({
      text: `
        select 1 from saga_steps where step = 'screen-for-fraud' and status = 'running'
        union all select 1 from messages where type = 'screen-for-fraud' limit 1`,
    });
    return open.length === 0;
  });
  const held = await database.query<{ orderId: string }>({
    text: `select order_id as "orderId" from orders where status = 'on_hold' limit 1000`,
  });
  expect(held.length).toBeGreaterThan(5);
  for (const [index, { orderId }] of held.entries()) {
    if (index % 3 === 2) await expire(database, orderId);
    else {
      const verdict = index % 3 === 0 ? 'accept' : 'refuse';
      const done = await reviewOrder(deed(database), { orderId, verdict, owner: 'operations' });
      expect(isRefused(done)).toBe(false);
    }
  }
}

test('a pending order whose messages are lost is taken back when its time is over', async () => {
  const world = await begin();
  const orderId = await world.place('tok_ok');
  await world.database.execute({ text: 'delete from messages' });
  await expire(world.database, orderId);
  await world.start();
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  const row = await oneRow<{ code: string }>(
    world.database,
    'select cancel_code as code from orders where order_id = $1',
    orderId,
  );
  expect(row?.code).toBe('payment_timed_out');
  expect(await unfinished(world.database)).toEqual([]);
  expect(world.live(orderId)).toBe(0);
});

test('an order with an unknown payment whose messages are lost is taken up again before its deadline', async () => {
  const world = await begin();
  let isAway = true;
  const { provider } = world.simulated;
  const lost = { outcome: 'unknown', reason: 'no reply' } as const;
  await world.start({
    provider: {
      ...provider,
      async authorise(request) {
        await provider.authorise(request);
        return lost;
      },
      find: async (request) => (isAway ? lost : await provider.find(request)),
    },
    timings: { checkAfterMs: 300, absentAfterMs: 300, lookAgainAfterMs: 1_000 },
  });
  const orderId = await world.place('tok_ok');
  await eventually('the payment is unknown', async () => {
    const text = 'select status from payments where order_id = $1';
    return (await oneRow<{ status: string }>(world.database, text, orderId))?.status === 'unknown';
  });
  await world.database.execute({ text: 'delete from messages' });
  isAway = false;
  expect(await endOf(world.database, orderId)).toBe('confirmed');
});

test('an order that is paid for goes forward when its last message is lost', async () => {
  const world = await begin();
  const { stop } = await world.start({ sweep: false, settings: withoutOrders() });
  const orderId = await world.place('tok_ok');
  await eventually('the payment is authorised', async () => world.live(orderId) === 1 && (await hasConfirm(world)));
  await stop();
  await world.database.execute({ text: 'delete from messages' });
  await expire(world.database, orderId);
  await world.start();
  expect(await endOf(world.database, orderId)).toBe('confirmed');
  expect(await unfinished(world.database)).toEqual([]);
  expect(await questions(world.database, orderId), 'a person was told, and what came of it').toEqual([
    { kind: 'step_parked', by: 'worker under test', resolution: 'the order is confirmed' },
  ]);
});

/** What people were asked about an order, and what they were told in the end. */
async function questions(database: Database, orderId: string): Promise<object[]> {
  return await database.query({
    text: 'select kind, closed_by as by, resolution from operator_inbox where order_id = $1 order by opened_at limit 9',
    values: [orderId],
  });
}

/** A worker whose lane of confirmations takes nothing: its place is as if it were always full. */
function withoutOrders() {
  const settings = quickQueues();
  return { ...settings, orders: { ...settings.orders, concurrency: 0 } };
}

async function hasConfirm(world: TestWorld): Promise<boolean> {
  const rows = await world.database.query({ text: `select 1 from messages where type = 'confirm-order' limit 1` });
  return rows.length === 1;
}

test('an order on hold that nobody decides about is refused when its time is over', async () => {
  const world = await begin();
  await world.start({ screen });
  const orderId = await world.place('tok_ok', { PLENTY: heldUnits });
  await eventually('the order is on hold', async () => (await statusOf(world.database, orderId)) === 'on_hold');
  await expire(world.database, orderId);
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  const text = 'select cancel_code as code from orders where order_id = $1';
  expect(await oneRow(world.database, text, orderId)).toEqual({ code: 'order_refused' });
  expect(await unfinished(world.database)).toEqual([]);
  expect(world.authorisations(orderId)).toEqual([]);
  expect(await questions(world.database, orderId)).toEqual([
    { kind: 'fraud_review', by: 'sweeper', resolution: 'nobody decided in time: the order was refused' },
  ]);
});

test('a void that fails for ever is parked for a person, and a replay of its dead letter ends the order', async () => {
  const world = await begin();
  let isAway = true;
  const { provider } = world.simulated;
  await world.start({
    provider: {
      ...provider,
      void: async (request) => (isAway ? { outcome: 'unknown', reason: 'no reply' } : await provider.void(request)),
      async authorise(request) {
        await provider.authorise(request);
        return { outcome: 'unknown', reason: 'no reply' };
      },
      find: async (request) =>
        isAway && (await statusOf(world.database, request.authoriseKey.slice(0, 36))) === 'pending'
          ? { outcome: 'unknown', reason: 'no reply' }
          : await provider.find(request),
    },
    settings: quickQueues(4),
    sweep: false,
  });
  const orderId = await world.place('tok_ok');
  await eventually('the provider acted', async () => world.live(orderId) === 1);
  await goBackNow(world.database, orderId);
  const letter = await eventually('the void is in the dead letters', async () =>
    oneRow<{ messageId: string; attempt: number; history: unknown[] }>(
      world.database,
      `select message_id as "messageId", attempt, history from dead_letters
       where order_id = $1 and type = 'void-authorisation'`,
      orderId,
    ),
  );
  expect([letter.attempt, letter.history.length]).toEqual([4, 4]);
  const saga = await oneRow(
    world.database,
    `select s.status, t.undo, i.kind from sagas s
     join saga_steps t on t.order_id = s.order_id and t.step = 'authorise-payment'
     left join operator_inbox i on i.order_id = s.order_id
     where s.order_id = $1`,
    orderId,
  );
  expect(saga).toEqual({ status: 'parked', undo: 'parked', kind: 'compensation_parked' });
  expect(await statusOf(world.database, orderId)).toBe('cancelling');
  isAway = false;
  expect(isRefused(await replayLetter(deed(world.database), letter.messageId))).toBe(false);
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  expect(world.live(orderId)).toBe(0);
  expect(await unfinished(world.database)).toEqual([]);
  const resolution = expect.stringMatching(/^void-authorisation is done: voided auth_/);
  expect(await questions(world.database, orderId)).toEqual([
    { kind: 'compensation_parked', by: 'worker under test', resolution },
  ]);
});

/** What the sweeper does with the one order, without a sweeper that goes on. */
async function goBackNow(database: Database, orderId: string): Promise<void> {
  await expire(database, orderId);
  const waker = { wake() {} };
  await sweepOverdueOrders.run({ database, newId: newUuid, waker, actor: 'sweeper', inboxOwner: 'operations' });
}
