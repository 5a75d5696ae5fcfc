import { afterEach, expect, test } from 'vitest';
import { discardLetter, replayLetter } from '../../src/operations/dead-letters.run.ts';
import { readOrderStory } from '../../src/operations/order-story.run.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { parkedUndoRestMs } from '../../src/sagas/saga.ts';
import { sweepOverdueOrders, sweepParkedUndos } from '../../src/sagas/sweeper.run.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { endOf, eventually, merchantId, quickQueues } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

const attemptsMax = 3;

/** A world with a worker and no sweeper of its own, whose provider is away for voids as long as it is told to be. */
async function begin(): Promise<{ world: TestWorld; provider: { isAway: boolean } }> {
  const world = await openWorld({ PLENTY: 100_000 }, { webhooks: 'never' });
  worlds.push(world);
  const provider = { isAway: true };
  await world.start({ provider: awayFor(world, provider), settings: quickQueues(attemptsMax), sweep: false });
  return { world, provider };
}

/** It authorises, but nobody hears of it; while it is away nothing can be voided. */
function awayFor({ simulated }: TestWorld, state: { isAway: boolean }): PaymentProvider {
  const lost = { outcome: 'unknown', reason: 'no reply' } as const;
  return {
    ...simulated.provider,
    async authorise(request) {
      await simulated.provider.authorise(request);
      return lost;
    },
    find: async (request) => (state.isAway ? lost : await simulated.provider.find(request)),
  };
}

const deed = (database: Database) => ({ database, newId: newUuid, merchantId, by: 'ada' });
const sweeping = (database: Database) => {
  return { database, newId: newUuid, waker: { wake() {} }, actor: 'sweeper', inboxOwner: 'operations' };
};

type Letter = {
  readonly messageId: string;
  readonly status: string;
  readonly by: string | null;
  readonly why: string | null;
  readonly attempts: number[];
};

async function letters(database: Database, orderId: string): Promise<Letter[]> {
  return await database.query<Letter>({
    text: `
      select message_id as "messageId", status, settled_by as by, settled_why as why,
             (select jsonb_agg(entry -> 'attempt') from jsonb_array_elements(history) as h(entry)) as attempts
      from dead_letters where order_id = $1 and type = 'void-authorisation' limit 5`,
    values: [orderId],
  });
}

/** Places an order whose authorisation cannot be voided, and takes it back: its void ends parked. */
async function park(world: TestWorld): Promise<{ orderId: string; messageId: string }> {
  const orderId = await world.place('tok_ok');
  await eventually('the provider acted', async () => world.live(orderId) === 1);
  await world.database.execute({
    text: 'update orders set deadline_at = now() where order_id = $1',
    values: [orderId],
  });
  await sweepOverdueOrders.run(sweeping(world.database));
  return { orderId, messageId: await died(world, orderId) };
}

/** Waits until the letter is open; its id. */
async function died(world: TestWorld, orderId: string): Promise<string> {
  return await eventually('the void is a dead letter', async () => {
    const [letter] = await letters(world.database, orderId);
    return letter?.status === 'open' && letter.messageId;
  });
}

async function rest(world: TestWorld, restMs = parkedUndoRestMs): Promise<void> {
  await world.database.execute({
    text: `update dead_letters set died_at = died_at - $1 * interval '1 millisecond' where status = 'open'`,
    values: [restMs],
  });
}

async function standing(world: TestWorld, orderId: string): Promise<object | undefined> {
  const rows = await world.database.query({
    text: `
      select o.status as "order", s.status as saga, p.status as payment, t.undo,
             (select jsonb_agg(jsonb_build_array(kind, closed_by, resolution) order by opened_at)
              from operator_inbox i where i.order_id = o.order_id) as inbox
      from orders o join sagas s using (order_id) join payments p using (order_id)
      join saga_steps t on t.order_id = o.order_id and t.step = 'authorise-payment'
      where o.order_id = $1`,
    values: [orderId],
  });
  return rows[0];
}

const toldToAPerson = [['compensation_parked', null, null]];

test('a parked undo rests, and is then tried again by its own letter, which opens again with its history', async () => {
  const { world } = await begin();
  const { orderId, messageId } = await park(world);
  expect(await sweepParkedUndos.run(sweeping(world.database)), 'it rests').toBe(0);
  await rest(world, parkedUndoRestMs - 60_000);
  expect(await sweepParkedUndos.run(sweeping(world.database)), 'it still rests').toBe(0);
  await rest(world, 60_000);
  expect(await sweepParkedUndos.run(sweeping(world.database))).toBe(1);
  expect(await sweepParkedUndos.run(sweeping(world.database)), 'once').toBe(0);
  expect(await died(world, orderId), 'the same letter').toBe(messageId);
  expect(await letters(world.database, orderId)).toEqual([
    { messageId, status: 'open', by: null, why: null, attempts: [1, 2, 3, 1, 2, 3] },
  ]);
  expect(await standing(world, orderId)).toEqual({
    order: 'cancelling',
    saga: 'parked',
    payment: 'voiding',
    undo: 'parked',
    inbox: toldToAPerson,
  });
});

test('an undo that succeeds when the sweeper tries it again ends the order, and what people were asked', async () => {
  const { world, provider } = await begin();
  const { orderId, messageId } = await park(world);
  provider.isAway = false;
  await rest(world);
  expect(await sweepParkedUndos.run(sweeping(world.database))).toBe(1);
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  const resolution = expect.stringMatching(/^void-authorisation is done: voided auth_/);
  expect(await standing(world, orderId)).toEqual({
    order: 'cancelled',
    saga: 'compensated',
    payment: 'voided',
    undo: 'done',
    inbox: [['compensation_parked', 'worker under test', resolution]],
  });
  expect(world.live(orderId)).toBe(0);
  expect(await letters(world.database, orderId)).toMatchObject([{ messageId, status: 'replayed', by: 'sweeper' }]);
  const story = await readOrderStory(world.database, { merchantId, orderId, personal: false });
  const retries = story?.timeline.filter(({ what }) => what.includes('replayed'));
  expect(retries).toMatchObject([{ who: 'sweeper', what: 'dead letter replayed: void-authorisation' }]);
});

test('a letter that a person discarded is never tried again by itself, but by a person who names it', async () => {
  const { world, provider } = await begin();
  const { orderId, messageId } = await park(world);
  expect(isRefused(await discardLetter(deed(world.database), messageId, 'seen to by hand'))).toBe(false);
  await rest(world);
  await world.database.execute({ text: `update dead_letters set died_at = died_at - interval '1 day'` });
  provider.isAway = false;
  expect(await sweepParkedUndos.run(sweeping(world.database))).toBe(0);
  expect(await standing(world, orderId)).toMatchObject({ order: 'cancelling', undo: 'parked', inbox: toldToAPerson });
  expect(isRefused(await replayLetter(deed(world.database), messageId))).toBe(false);
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  expect(await standing(world, orderId)).toMatchObject({ payment: 'voided', undo: 'done' });
});

test('a letter whose undo was done by another message is settled with it, and is not tried again', async () => {
  const { world, provider } = await begin();
  const { orderId, messageId } = await park(world);
  provider.isAway = false;
  await world.database.execute({
    text: `
      insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload)
      select gen_random_uuid(), queue, type, schema_version, merchant_id, order_id, idempotency_key, payload
      from dead_letters where message_id = $1`,
    values: [messageId],
  });
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  expect(await letters(world.database, orderId)).toMatchObject([
    { messageId, status: 'discarded', by: 'worker under test', why: expect.stringContaining('not needed') },
  ]);
  expect(await standing(world, orderId)).toMatchObject({ inbox: [['compensation_parked', 'worker under test', {}]] });
});

test('a parked undo whose cause has a live message rests on, and does not keep others from being tried', async () => {
  const { world } = await begin();
  const held = await park(world);
  const other = await park(world);
  await world.database.execute({
    text: `
      insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload,
                            available_at)
      select gen_random_uuid(), queue, type, schema_version, merchant_id, order_id, idempotency_key, payload,
             now() + interval '1 hour'
      from dead_letters where message_id = $1`,
    values: [held.messageId],
  });
  await rest(world);
  expect(await sweepParkedUndos.run(sweeping(world.database))).toBe(1);
  const [letter] = await letters(world.database, held.orderId);
  expect(letter?.status).toBe('open');
  expect(await died(world, other.orderId)).toBe(other.messageId);
});
