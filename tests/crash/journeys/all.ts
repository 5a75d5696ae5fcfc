import type { Journey } from '../journey.ts';
import { buy } from './buy.ts';
import { cancelledSession } from './cancelled-session.ts';
import { deadLetter } from './dead-letter.ts';
import { decline } from './decline.ts';
import { fraudHold } from './fraud-hold.ts';
import { fraudHoldRefused } from './fraud-hold-refused.ts';
import { fraudRefusal } from './fraud-refusal.ts';
import { lateWebhook } from './late-webhook.ts';
import { outOfStock } from './out-of-stock.ts';
import { unknownAuthorisation } from './unknown-authorisation.ts';
import { unsettledPayment } from './unsettled-payment.ts';

/** Every journey that there is. A new one is a file beside this one and a line in it. */
export const journeys: readonly Journey[] = [
  buy,
  decline,
  outOfStock,
  cancelledSession,
  fraudHold,
  fraudHoldRefused,
  fraudRefusal,
  unknownAuthorisation,
  lateWebhook,
  deadLetter,
  unsettledPayment,
];
