import { type Journey, shownIn } from '../journey.ts';

/** Above 50,000.00 nobody is asked (src/fraud/rules.ts). */
const priceMinor = 5_100_000;

export const fraudRefusal: Journey = {
  name: 'fraud refusal',
  tells: 'the order is beyond what the shop takes: it is refused before anybody is charged',
  ends: ['cancelled order_refused, payment abandoned'],
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product({ priceMinor })]: 1 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, 'tok_ok');
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
