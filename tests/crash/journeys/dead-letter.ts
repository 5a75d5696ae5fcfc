import { type Journey, shownIn } from '../journey.ts';

const attemptsMax = 3;

export const deadLetter: Journey = {
  name: 'dead letter and replay',
  tells: 'the provider cannot say what became of a payment that is to be given back, until a person has it asked again',
  ends: ['cancelled payment_failed, payment declined'],
  people: { deadLetters: 'replay' },
  attemptsMax,
  async go({ buyer, product, untilEnded }) {
    const created = await buyer.create({ [await product()]: 1 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, `tok_card_declined.find:fail_beforex${attemptsMax}`);
    await untilEnded(checkoutId);
    return { checkoutId, told: await buyer.read(created) };
  },
};
