import { ofCheckout, ofOrders } from './deeds-of-checkout.ts';
import { ofMessages } from './deeds-of-messages.ts';
import { ofPayments } from './deeds-of-payments.ts';
import { ofPeople, ofSagas } from './deeds-of-sagas.ts';
import type { StatementDeed } from './statement-deed.ts';

/** One deed for each statement that a .sql.ts function runs by itself. */
export const statementDeeds: Readonly<Record<string, StatementDeed>> = {
  ...ofCheckout,
  ...ofOrders,
  ...ofSagas,
  ...ofMessages,
  ...ofPayments,
  ...ofPeople,
};
