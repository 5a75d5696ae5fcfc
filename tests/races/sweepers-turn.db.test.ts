import { afterEach, expect, test } from 'vitest';
import { sweeperTasks } from '../../src/main/wiring.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { sweepUnsettledPayments } from '../../src/payments/sweep.run.ts';
import { takeTurn } from '../../src/sagas/saga.sql.ts';
import { parkedUndoRestMs } from '../../src/sagas/saga.ts';
import { type SweeperTask, sweepOverdueOrders, sweepParkedUndos } from '../../src/sagas/sweeper.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database, Queryable, Statement } from '../../src/shared/postgres/client.ts';
import { endOf, eventually, quickQueues } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

type InTurn = {
  readonly task: SweeperTask;
  /** The name of the statement by which it finds its work. */
  readonly finds: string;
  /** Makes work for it; the ids of the orders. */
  due(ground: Ground): Promise<string[]>;
  /** How the orders end when it is done, and what people were asked about each on the way. */
  readonly end: 'confirmed' | 'cancelled';
  readonly asked: readonly string[];
};

const inTurn: readonly InTurn[] = [
  { task: sweepOverdueOrders, finds: 'overdue_orders', due: overdueOrders, end: 'cancelled', asked: [] },
  { task: sweepUnsettledPayments, finds: 'payments_to_check', due: forgottenPayments, end: 'confirmed', asked: [] },
  {
    task: sweepParkedUndos,
    finds: 'rested_letters',
    due: parkedUndos,
    end: 'cancelled',
    asked: ['compensation_parked'],
  },
];

test('while one sweeper has the turn at a task no other does any of it, and then it is done', async () => {
  // What is handled and old is deleted in batches that skip each other's rows, so that this task alone needs no turn.
  const others = sweeperTasks.filter(({ name }) => inTurn.every(({ task }) => task.name !== name));
  expect(others.map(({ name }) => name)).toEqual(['handled-messages']);
  for (const { task, due } of inTurn) {
    const ground = await begin();
    await due(ground);
    const { database } = ground.world;
    const before = await standing(database);
    const turn = await holdTurn(database, task);
    await task.run(sweeping(database, 'another sweeper')).finally(() => turn.end());
    expect(await standing(database), `${task.name}, out of turn`).toEqual(before);
    expect(await task.run(sweeping(database, 'another sweeper')), task.name).toBe(ordersDue);
    expect(await standing(database), `${task.name}, in turn`).not.toEqual(before);
  }
});

test('two sweepers that both believe that they have the turn move each order once and pay once', async () => {
  for (const each of inTurn) {
    const { task, finds, due } = each;
    const ground = await begin();
    const orderIds = await due(ground);
    const { world } = ground;
    ground.isAway = false;
    const all = gate();
    let come = 0;
    const meet = async (): Promise<void> => {
      come += 1;
      if (come === 2) all.open();
      await all.opened;
    };
    const both = ['one', 'two'].map((name) => task.run(sweeping(believing(world.database, finds, meet), name)));
    await Promise.all(both);
    expect(come, `${task.name}: both have found the same`).toBe(2);
    await ground.startWorker();
    await expectDoneOnce(world, orderIds, each);
  }
});

test('a sweeper that acts on what another one found and workers have settled meanwhile changes nothing', async () => {
  for (const each of inTurn) {
    const { task, finds, due } = each;
    const ground = await begin();
    const orderIds = await due(ground);
    const { world } = ground;
    ground.isAway = false;
    const found = gate();
    const settled = gate();
    const paused = believing(world.database, finds, async () => {
      found.open();
      await settled.opened;
    });
    const late = task.run(sweeping(paused, 'the late one'));
    await Promise.race([found.opened, late]);
    const first = believing(world.database, finds, async () => {});
    await task.run(sweeping(first, 'the first'));
    await ground.startWorker();
    for (const orderId of orderIds) await endOf(world.database, orderId);
    settled.open();
    await late;
    await eventually('nothing is left to do', async () => (await standing(world.database)).messages === null);
    await expectDoneOnce(world, orderIds, each);
  }
});

const ordersDue = 3;

type Ground = { readonly world: TestWorld; isAway: boolean; startWorker(): Promise<{ stop(): Promise<void> }> };

/** No sweeper and no worker runs; the provider acts, but nobody hears of it while it is away. */
async function begin(): Promise<Ground> {
  const world = await openWorld({ PLENTY: 100_000 }, { webhooks: 'never' });
  worlds.push(world);
  const lost = { outcome: 'unknown', reason: 'no reply' } as const;
  const { provider } = world.simulated;
  const away: PaymentProvider = {
    ...provider,
    async authorise(request) {
      const answer = await provider.authorise(request);
      return ground.isAway ? lost : answer;
    },
    find: async (request) => (ground.isAway ? lost : await provider.find(request)),
  };
  const ground: Ground = {
    world,
    isAway: true,
    startWorker: () => world.start({ provider: away, settings: quickQueues(3), sweep: false }),
  };
  return ground;
}

async function place({ world }: Ground): Promise<string[]> {
  return await Promise.all(Array.from({ length: ordersDue }, () => world.place('tok_ok')));
}

async function overdueOrders(ground: Ground): Promise<string[]> {
  const orderIds = await place(ground);
  await ground.world.database.execute({ text: `update orders set deadline_at = now() - interval '1 second'` });
  return orderIds;
}

/** Unknown, and every message about them is lost. */
async function forgottenPayments(ground: Ground): Promise<string[]> {
  const { database } = ground.world;
  const worker = await ground.startWorker();
  const orderIds = await place(ground);
  await eventually('the payments are unknown', async () => {
    const rows = await database.query({ text: `select 1 from payments where status = 'unknown' limit 10` });
    return rows.length === ordersDue;
  });
  await worker.stop();
  await database.execute({ text: 'delete from messages' });
  await database.execute({ text: `update payments set next_check_at = now() - interval '1 second'` });
  return orderIds;
}

/** Taken back while the provider is away: their voids have died, and have rested since. */
async function parkedUndos(ground: Ground): Promise<string[]> {
  const { world } = ground;
  const { database } = world;
  const worker = await ground.startWorker();
  const orderIds = await place(ground);
  await eventually('the provider acted', async () => orderIds.every((orderId) => world.live(orderId) === 1));
  await database.execute({ text: `update orders set deadline_at = now() - interval '1 second'` });
  await sweepOverdueOrders.run(sweeping(database, 'sweeper'));
  await eventually('their voids are dead', async () => {
    const rows = await database.query({
      text: `select 1 from dead_letters where type = 'void-authorisation' and status = 'open' limit 10`,
    });
    return rows.length === ordersDue;
  });
  await worker.stop();
  await database.execute({
    text: `update dead_letters set died_at = died_at - $1 * interval '1 millisecond'`,
    values: [parkedUndoRestMs],
  });
  return orderIds;
}

function sweeping(database: Database, actor: string) {
  return { database, newId: newUuid, waker: { wake() {} }, actor, inboxOwner: 'operations' };
}

/** A database that gives everybody the turn, and waits after the sweeper has found its work for the first time. */
function believing(database: Database, finds: string, afterFinding: () => Promise<void>): Database {
  let hasFound = false;
  const over = <Q extends Queryable>(queryable: Q): Q => ({
    ...queryable,
    async query<Row extends object>(statement: Statement): Promise<Row[]> {
      if (statement.name === 'take_turn') return [{ taken: true }] as unknown as Row[];
      const rows = await queryable.query<Row>(statement);
      if (statement.name === finds && !hasFound) {
        hasFound = true;
        await afterFinding();
      }
      return rows;
    },
  });
  return { ...over(database), transaction: (work) => database.transaction((tx) => work(over(tx))) };
}

/** What waits for it goes on once it is open. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/** Has the turn at the task, as a sweeper that is at work, until it ends. */
async function holdTurn(database: Database, task: SweeperTask): Promise<{ end(): Promise<void> }> {
  const taken = gate();
  const over = gate();
  const holding = database.transaction(async (tx) => {
    expect(await takeTurn(tx, task.name)).toBe(true);
    taken.open();
    await over.opened;
  });
  await Promise.race([taken.opened, holding]);
  return {
    async end() {
      over.open();
      await holding;
    },
  };
}

/** All that a sweeper may change. */
async function standing(database: Database): Promise<{ messages: unknown; [what: string]: unknown }> {
  const [row] = await database.query<{ messages: unknown }>({
    text: `
      select (select jsonb_agg(to_jsonb(m) order by message_id) from messages m) as messages,
             (select jsonb_agg(jsonb_build_array(order_id, status, deadline_at, next_sequence) order by order_id)
              from orders) as orders,
             (select jsonb_agg(jsonb_build_array(order_id, status, next_check_at) order by order_id)
              from payments) as payments,
             (select jsonb_agg(jsonb_build_array(message_id, status, settled_by) order by message_id)
              from dead_letters) as letters,
             (select count(*) from audit_entries) as audit`,
  });
  if (row === undefined) throw new Error('a select without a table has one row');
  return row;
}

/** Each order has come to its end by moves that are on record once, and nobody was asked or charged needlessly. */
async function expectDoneOnce(world: TestWorld, orderIds: readonly string[], { task, end, asked }: InTurn) {
  for (const orderId of orderIds) {
    expect(await endOf(world.database, orderId), task.name).toBe(end);
    expect(world.live(orderId)).toBe(end === 'confirmed' ? 1 : 0);
    expect(world.authorisations(orderId).length).toBeLessThanOrEqual(1);
    const items = await world.database.query<{ kind: string }>({
      text: 'select kind from operator_inbox where order_id = $1 order by opened_at limit 10',
      values: [orderId],
    });
    expect(
      items.map(({ kind }) => kind),
      task.name,
    ).toEqual(asked);
  }
  const twice = await world.database.query({
    text: `
      select order_id, action, count(*) from audit_entries group by order_id, action having count(*) > 1 limit 10`,
  });
  expect(twice, task.name).toEqual([]);
}
