import { afterEach, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { discardLetter } from '../../src/operations/dead-letters.run.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { endOf, eventually, merchantId, quickQueues } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(): Promise<TestWorld> {
  const world = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
  worlds.push(world);
  return world;
}

const breaks: FraudScreen = {
  kind: 'local',
  name: 'breaks',
  judge() {
    throw new Error('the screen is broken');
  },
};

async function letterOf(world: TestWorld, orderId: string, type: string) {
  return await eventually(`${type} is a dead letter`, async () => {
    const rows = await world.database.query<{ messageId: string; status: string; why: string | null }>({
      text: `select message_id as "messageId", status, settled_why as why from dead_letters
             where order_id = $1 and type = $2 limit 2`,
      values: [orderId, type],
    });
    return rows[0] ?? null;
  });
}

async function discard({ database }: TestWorld, messageId: string): Promise<void> {
  const done = await discardLetter({ database, newId: newUuid, merchantId, by: 'ada' }, messageId, 'a trial');
  expect(isRefused(done)).toBe(false);
}

async function expire(world: TestWorld, orderId: string): Promise<void> {
  await world.database.execute({
    text: 'update orders set deadline_at = now() where order_id = $1 and deadline_at is not null',
    values: [orderId],
  });
}

test('an order whose message a person discarded before the pivot is taken back at its deadline', async () => {
  const world = await begin();
  await world.start({ screen: breaks, settings: quickQueues(1) });
  const orderId = await world.place('tok_ok');
  const letter = await letterOf(world, orderId, 'screen-for-fraud');
  await discard(world, letter.messageId);
  await expire(world, orderId);
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  const [held] = await world.database.query({ text: `select 1 from reservations where status <> 'released' limit 1` });
  expect(held).toBeUndefined();
});

test.each(['discarded', 'left open'])('an order whose confirmation died and was %s goes forward', async (what) => {
  const world = await begin();
  await world.database.query({
    text: `create function refuse_sale() returns trigger language plpgsql as
           $$ begin raise exception 'the store is closed'; end $$`,
  });
  await world.database.query({
    text: `create trigger closed before update on reservations for each row execute function refuse_sale()`,
  });
  await world.start({ settings: quickQueues(1) });
  const orderId = await world.place('tok_ok');
  const letter = await letterOf(world, orderId, 'confirm-order');
  if (what === 'discarded') await discard(world, letter.messageId);
  await world.database.execute({ text: 'drop trigger closed on reservations' });
  await expire(world, orderId);
  expect(await endOf(world.database, orderId)).toBe('confirmed');
  const why = what === 'discarded' ? 'a trial' : expect.stringContaining('not needed: another message');
  expect(await letterOf(world, orderId, 'confirm-order')).toMatchObject({ status: 'discarded', why });
  const open = await world.database.query({ text: 'select 1 from operator_inbox where closed_at is null limit 1' });
  expect(open).toEqual([]);
});
