import { type Journey, shownIn } from '../journey.ts';

const attemptsMax = 3;

export const unsettledPayment: Journey = {
  name: 'unsettled payment',
  tells: 'the message that was to learn what became of a payment is dead, and nobody looks: the sweeper sends for it',
  ends: ['confirmed, payment authorised'],
  people: { deadLetters: 'replay when the order has ended' },
  attemptsMax,
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product()]: 1 });
    const { checkoutId } = shownIn(created);
    // It authorises, says so to nobody, and has no answer to any question of the first message.
    await buyer.complete(created, `tok_ok.act_and_cut.find:fail_beforex${attemptsMax - 1}`);
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
