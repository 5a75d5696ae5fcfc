import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { onlineOrder } from '../../src/sagas/online-order.ts';
import { sweepOverdueOrders } from '../../src/sagas/sweeper.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { eventually } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await openWorld({ PLENTY: 100_000 });
});
afterAll(() => world?.stop());

const holdsAll: FraudScreen = {
  kind: 'local',
  name: 'holds all',
  judge: () => ({ verdict: 'hold', reason: 'a person must look' }),
};

test('an order in each state that is not final has the deadline that its saga gives it', async () => {
  const orderId = await world.place('tok_ok');
  expect(await deadlineOf(orderId)).toEqual({ status: 'pending', ms: onlineOrder.withinMs });
  await world.database.execute({ text: 'update orders set deadline_at = now()' });
  const waker = { wake() {} };
  const sweeper = { database: world.database, newId: newUuid, waker, actor: 'sweeper', inboxOwner: 'operations' };
  await sweepOverdueOrders.run(sweeper);
  expect(await deadlineOf(orderId)).toEqual({ status: 'cancelling', ms: onlineOrder.settleWithinMs });
  await world.start({ screen: holdsAll });
  const held = await world.place('tok_ok');
  const ms = onlineOrder.reviewWithinMs;
  await eventually('an order is held', async () => (await deadlineOf(held))?.status === 'on_hold');
  expect(await deadlineOf(held)).toEqual({ status: 'on_hold', ms });
});

async function deadlineOf(orderId: string): Promise<{ status: string; ms: number } | undefined> {
  const [row] = await world.database.query<{ status: string; ms: number }>({
    text: `
      select status, (extract(epoch from deadline_at - status_since) * 1000)::float8 as ms from orders
      where order_id = $1`,
    values: [orderId],
  });
  return row;
}
