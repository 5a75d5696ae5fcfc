import { afterEach, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import { accepted, caller, completeRequest, deskOn, draftFor, eventually, openCheckout } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

/** A complete that has read its checkout and waits for the stock, until `go` is called. */
async function completeInTheMiddle(world: TestWorld, checkoutId: string) {
  const holder = connect({ url: world.url, applicationName: 'holder', connectionsMax: 1 });
  await holder.execute({ text: 'begin' });
  await holder.query({ text: `select 1 from stock where sku = 'MOVES' for update` });
  const answer = world.desk.complete(caller, checkoutId, completeRequest(newUuid()));
  await eventually('it waits for the stock', async () => (await waiters(world)) === 1);
  return {
    answer,
    async go() {
      await holder.execute({ text: 'commit' });
      await holder.close();
    },
  };
}

async function waiters(world: TestWorld): Promise<number> {
  const rows = await world.database.query({
    text: `
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 10`,
  });
  return rows.length;
}

async function begin(): Promise<{ world: TestWorld; checkoutId: string; setPrice(minor: number): Promise<unknown> }> {
  const world = await openWorld({ MOVES: 100 });
  worlds.push(world);
  const { checkoutId } = await openCheckout(world.desk, draftFor({ MOVES: 1 }));
  const setPrice = (minor: number) =>
    world.database.execute({ text: `update products set price_minor = $1 where sku = 'MOVES'`, values: [minor] });
  return { world, checkoutId, setPrice };
}

test('a cancellation that was acknowledged stands, also when a complete meets a new price meanwhile', async () => {
  const { world, checkoutId, setPrice } = await begin();
  await setPrice(999);
  const { answer, go } = await completeInTheMiddle(world, checkoutId);
  const key = { key: 'cancel', requestSha256: Buffer.alloc(32) };
  expect(accepted(await world.desk.cancel(caller, checkoutId, key)).status).toBe('cancelled');
  await go();
  expect(await answer).toMatchObject({ refused: true, code: 'checkout_not_open' });
  expect(accepted(await world.desk.read(caller, checkoutId)).status).toBe('cancelled');
});

test('a checkout keeps its order, also when another complete of it meets a new price', async () => {
  const { world, checkoutId, setPrice } = await begin();
  const { answer, go } = await completeInTheMiddle(world, checkoutId);
  // The first one has read the price that its buyer saw, and gets its order; the second one reads the new price.
  await setPrice(999);
  const second = deskOn(world.database).complete(caller, checkoutId, completeRequest(newUuid()));
  await eventually('both wait for the stock', async () => (await waiters(world)) === 2);
  await go();
  const view = accepted(await answer);
  expect(view.orderId).not.toBeNull();
  expect(await second).toMatchObject({ refused: true, code: 'checkout_not_open' });
  const now = accepted(await world.desk.read(caller, checkoutId));
  expect([now.orderId, now.status]).toEqual([view.orderId, 'completing']);
});
