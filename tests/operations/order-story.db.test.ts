import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { onetill } from './captured.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
});
afterAll(() => world?.stop());

const cli = (...argv: string[]) => onetill(world.url, argv);
const storyOf = async (orderId: string) => JSON.parse((await cli('orders', 'show', `ord_${orderId}`, '--json')).out);

/** The provider of the world, whose first calls could not be posted. */
function awayFor(calls: number): PaymentProvider {
  const { provider } = world.simulated;
  let left = calls;
  return {
    ...provider,
    async authorise(request) {
      if (left === 0) return await provider.authorise(request);
      left -= 1;
      return { outcome: 'could-not-post', reason: 'no connection' };
    },
  };
}

test('an order that was paid at the third attempt tells afterwards of the two that failed, and why', async () => {
  const shop = await world.start({ provider: awayFor(2) });
  const { orderId, status } = await world.buy('tok_ok');
  await shop.stop();
  expect(status).toBe('confirmed');
  const { out } = await cli('orders', 'show', `ord_${orderId}`);
  for (const attempt of [1, 2]) expect(out).toContain(`authorise-payment, attempt ${attempt}: no connection`);
  expect(out).not.toContain('Retry:');
  const handled = (await storyOf(orderId)).handled_messages.find(
    (each: { type: string }) => each.type === 'authorise-payment',
  );
  expect(handled).toMatchObject({ attempts: 3, history: [{ attempt: 1 }, { attempt: 2, reason: 'no connection' }] });
});

test('a question to people is told in the timeline, and its answer changes what happens next', async () => {
  const shop = await world.start();
  const { orderId } = await world.buy('tok_ok');
  await shop.stop();
  const [item] = await world.database.query<{ id: string }>({
    text: `
      insert into operator_inbox (item_id, merchant_id, order_id, kind, subject, reason, owner)
      select gen_random_uuid(), merchant_id, order_id, 'late_money', order_id::text, 'auth_2 is still live',
             'operations'
      from orders where order_id = $1 returning item_id as id`,
    values: [orderId],
  });
  const { out } = await cli('orders', 'show', `ord_${orderId}`);
  expect(out).toContain('operations is asked (late_money): auth_2 is still live');
  expect(out).toContain(`Then onetill inbox close inb_${item?.id}`);
  await cli('inbox', 'close', `inb_${item?.id}`, '--resolution', 'voided at the provider');
  expect((await storyOf(orderId)).next).toMatch(/^Nothing: the order is confirmed/);
});
