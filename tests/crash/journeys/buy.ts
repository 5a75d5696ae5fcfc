import { type Journey, shownIn } from '../journey.ts';

export const buy: Journey = {
  name: 'buy',
  tells: 'a buyer fills a cart, changes it, pays, waits for the outcome, and reads it again',
  ends: ['confirmed, payment authorised'],
  async go({ buyer, product, untilEnded }) {
    const sku = await product();
    const created = await buyer.create({ [sku]: 2 });
    const changed = await buyer.update(created, { [sku]: 3 });
    const { checkoutId } = shownIn(changed);
    await buyer.complete(changed, 'tok_ok', 10);
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(changed) };
  },
};
