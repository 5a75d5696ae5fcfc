import { afterEach, expect, test } from 'vitest';
import { statusOf } from '../../simulators/payment-provider/books.ts';
import { eventually } from '../harness/shop.ts';
import { atRest, mixedTokens, openWorld, pick, randomFrom, seedOf, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(options?: Parameters<typeof openWorld>[1]): Promise<TestWorld> {
  const world = await openWorld({ PLENTY: 100_000 }, options);
  worlds.push(world);
  await world.start();
  return world;
}

test.each([
  ['after the answer', 'tok_ok.act_twice.webhook:late_200x2'],
  ['with the answer', 'tok_ok.act_twice'],
  ['before the answer', 'tok_ok.act_twice.webhook:earlyx2'],
  ['while the answer was lost', 'tok_ok.act_twice.find:act_and_cutx3'],
])('a provider that authorises twice is given the second one back when its webhooks come %s', async (_, token) => {
  const world = await begin();
  const orders = await Promise.all(Array.from({ length: 8 }, () => world.buy(token)));
  expect(orders.map((order) => order.status)).toEqual(Array(8).fill('confirmed'));
  for (const { orderId } of orders) {
    expect(world.authorisations(orderId)).toHaveLength(2);
    await eventually('one authorisation is left', async () => world.live(orderId) === 1);
  }
  await atRest(world.database);
  const [kept] = await world.database.query<{ count: bigint }>({
    text: `select count(*) from payments where status = 'authorised' and provider_reference = any($1::text[])`,
    values: [
      orders.flatMap((order) => world.authorisations(order.orderId).flatMap((each) => (each.voided ? [] : [each.id]))),
    ],
  });
  expect(kept?.count, 'what is left is what we have on our books').toBe(8n);
});

test.each([
  ['come', 'delivered'],
  ['never come', 'never'],
] as const)('an order that goes back gives both of two authorisations back when webhooks %s', async (_, webhooks) => {
  const world = await openWorld({ PLENTY: 100_000 }, { webhooks });
  worlds.push(world);
  let isAway = true;
  const { provider } = world.simulated;
  const lost = { outcome: 'unknown', reason: 'the reply was lost' } as const;
  await world.start({
    provider: {
      ...provider,
      async authorise(request) {
        await provider.authorise(request);
        return lost;
      },
      find: async (request) => (isAway ? lost : await provider.find(request)),
    },
  });
  const orderId = await world.place('tok_ok.act_twice');
  await eventually('the provider acted', async () => world.live(orderId) === 2);
  await world.database.execute({ text: 'update orders set deadline_at = now()' });
  await eventually('the order goes back', async () => (await statusOfOrder(world, orderId)) === 'cancelling');
  isAway = false;
  await eventually('nothing of the money of the buyer is held', async () => world.live(orderId) === 0, 15_000);
  await eventually('the order is cancelled', async () => (await statusOfOrder(world, orderId)) === 'cancelled');
});

test('a second authorisation of which no webhook tells is given back once its call was repeated', async () => {
  const world = await begin({ webhooks: 'never' });
  // Its first call failed before it acted; the second one acted twice.
  const { orderId, status } = await world.buy('tok_ok.fail_before.act_twice');
  expect(status).toBe('confirmed');
  expect(world.authorisations(orderId)).toHaveLength(2);
  await eventually('one authorisation is left', async () => world.live(orderId) === 1);
});

async function statusOfOrder(world: TestWorld, orderId: string): Promise<string | undefined> {
  const rows = await world.database.query<{ status: string }>({
    text: 'select status from orders where order_id = $1',
    values: [orderId],
  });
  return rows[0]?.status;
}

test('over a run of faults each confirmed order has one live authorisation, each cancelled one has none', async () => {
  const world = await begin();
  const random = randomFrom(seedOf('one charge per order'));
  const placed: string[] = [];
  for (let wave = 0; wave < 5; wave += 1) {
    const tokens = Array.from({ length: 24 }, () => pick(random, mixedTokens));
    placed.push(...(await Promise.all(tokens.map((token) => world.place(token)))));
  }
  await atRest(world.database);
  const orders = await world.database.query<{ orderId: string; status: string; amount: bigint; reference: string }>({
    text: `
      select o.order_id as "orderId", o.status, p.amount_minor as amount, p.provider_reference as reference
      from orders o join payments p using (order_id) limit 1000`,
  });
  expect(orders).toHaveLength(placed.length);
  const faults = [...world.simulated.faults.tokenHits.keys()];
  expect(faults.length, `a run without faults proves nothing: ${faults}`).toBeGreaterThan(8);
  expect(new Set(orders.map((order) => order.status))).toEqual(new Set(['confirmed', 'cancelled']));
  for (const order of orders) {
    const live = await eventually(`strays of ${order.orderId} are voided`, async () => {
      const standing = world.authorisations(order.orderId).filter((each) => statusOf(each) === 'authorised');
      return standing.length <= 1 ? standing : null;
    });
    const expected = order.status === 'confirmed' ? [[order.reference, Number(order.amount)]] : [];
    expect(live.map((each) => [each.id, each.amount_minor])).toEqual(expected);
  }
});

test('one attempt of a kind is on record for each order, however often the provider was called', async () => {
  const world = await begin();
  const { orderId } = await world.buy('tok_ok.fail_beforex3');
  const attempts = await world.database.query<{ kind: string; calls: number; key: string; outcome: string }>({
    text: 'select kind, calls, provider_key as key, outcome from payment_attempts where order_id = $1 limit 10',
    values: [orderId],
  });
  expect(attempts).toEqual([{ kind: 'authorise', calls: 4, key: `${orderId}-authorise`, outcome: 'done' }]);
});
