import { type Journey, shownIn } from '../journey.ts';

export const outOfStock: Journey = {
  name: 'out of stock',
  tells: 'two buyers want the last unit: the one who pays first gets it, the other one is told',
  ends: ['refused out_of_stock'],
  async go({ buyer, anotherBuyer, product, untilEnded }) {
    const last = await product({ units: 1 });
    const quicker = anotherBuyer();
    const created = await buyer.create({ [last]: 1 });
    const theirs = await quicker.create({ [last]: 1 });
    await quicker.complete(theirs, 'tok_ok');
    const told = await buyer.complete(created, 'tok_ok');
    await untilEnded(shownIn(theirs).checkoutId);
    return { checkoutId: shownIn(created).checkoutId, told };
  },
};
