import { type Journey, shownIn } from '../journey.ts';

export const decline: Journey = {
  name: 'decline',
  tells: 'the card is declined: the order is cancelled and its stock is free again',
  ends: ['cancelled payment_failed, payment declined'],
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product()]: 1 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, 'tok_card_declined');
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
