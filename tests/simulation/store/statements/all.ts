import type { Statements } from '../statement.ts';
import { ofCatalog } from './catalog.ts';
import { ofCheckout } from './checkout.ts';
import { ofCommit } from './commit.ts';
import { ofEvents } from './events.ts';
import { ofInventory } from './inventory.ts';
import { ofMessages } from './messages.ts';
import { ofOperations } from './operations.ts';
import { ofOrders } from './orders.ts';
import { ofPayments } from './payments.ts';
import { ofSaga } from './saga.ts';

/** Every named statement that the simulated rooms use; the contract tries each of them on both stores. */
export const statements: Statements = {
  ...ofCatalog,
  ...ofCheckout,
  ...ofCommit,
  ...ofEvents,
  ...ofInventory,
  ...ofMessages,
  ...ofOperations,
  ...ofOrders,
  ...ofPayments,
  ...ofSaga,
};
