import { type Journey, shownIn } from '../journey.ts';

export const unknownAuthorisation: Journey = {
  name: 'unknown authorisation',
  tells: 'the provider authorises and its answer is lost: it is asked, and not charged again',
  ends: ['confirmed, payment authorised'],
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product()]: 2 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, 'tok_ok.act_and_cut');
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
