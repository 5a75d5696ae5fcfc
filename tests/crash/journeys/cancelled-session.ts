import { type Journey, shownIn } from '../journey.ts';

export const cancelledSession: Journey = {
  name: 'cancelled session',
  tells: 'a buyer gives the cart up, and an agent that did not hear of it tries to pay for it',
  ends: ['refused checkout_not_open'],
  async go({ buyer, product }) {
    const created = await buyer.create({ [await product()]: 1 });
    await buyer.cancel(created);
    return { checkoutId: shownIn(created).checkoutId, told: await buyer.complete(created, 'tok_ok') };
  },
};
