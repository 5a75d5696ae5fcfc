import { type Journey, shownIn } from '../journey.ts';

/** Above 5,000.00 a person is asked (src/fraud/rules.ts). */
const priceMinor = 510_000;

export const fraudHoldRefused: Journey = {
  name: 'fraud hold, refused',
  tells: 'the order looks unusual and waits for a person, who refuses it before anybody is charged',
  ends: ['cancelled order_refused, payment abandoned'],
  people: { heldOrders: 'refuse' },
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product({ priceMinor })]: 1 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, 'tok_ok');
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
