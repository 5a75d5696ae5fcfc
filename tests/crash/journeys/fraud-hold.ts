import { type Journey, shownIn } from '../journey.ts';

/** Above 5,000.00 a person is asked (src/fraud/rules.ts). */
const priceMinor = 510_000;

export const fraudHold: Journey = {
  name: 'fraud hold, accepted',
  tells: 'the order looks unusual and waits for a person, who accepts it',
  ends: ['confirmed, payment authorised'],
  people: { heldOrders: 'accept' },
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product({ priceMinor })]: 1 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, 'tok_ok');
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
