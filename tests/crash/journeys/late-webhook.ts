import { type Journey, shownIn } from '../journey.ts';

/** Long enough that the order has gone back by then, with the provider swearing that it knows of nothing. */
const lateMs = 1_500;

export const lateWebhook: Journey = {
  name: 'late webhook',
  tells: 'the payment arrives after the order went back: a webhook tells of it, and it is given back',
  ends: [
    'cancelled payment_timed_out, payment voided',
    // The provider died and has forgotten what it was about to do.
    'cancelled payment_timed_out, payment abandoned',
    // What died took so long to come back that the payment was not late any more.
    'confirmed, payment authorised',
  ],
  async go({ buyer, product, untilPayment, passDeadline, untilEnded, untilAuthorised }) {
    const created = await buyer.create({ [await product()]: 2 });
    const { checkoutId } = shownIn(created);
    await buyer.complete(created, `tok_ok.act_late_${lateMs}x50`);
    await untilPayment(checkoutId, 'unknown');
    await passDeadline(checkoutId);
    await untilEnded(checkoutId);
    await untilAuthorised(checkoutId, lateMs + 500);
    return { checkoutId, told: await buyer.read(created) };
  },
};
