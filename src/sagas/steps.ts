import type { NewEvent } from '../messaging/events.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import type { SagaOrder } from './saga.sql.ts';
import type { StepName, StepOutcome, UndoName } from './saga.ts';

/**
 * An order whose step (or undo) is registered: the row with its undo is written in the transaction that the handler is
 * given, so a handler cannot act on an order whose way back is not on record. Only the runner makes one.
 */
export type Registered = SagaOrder & { readonly __registered: true };

/**
 * What a handler does: answers at once, or names the outside call to make once the intent is committed. The call runs
 * outside of any transaction and gives back how to write its result down.
 */
export type Work<Outcome> =
  | { readonly now: Outcome }
  | { readonly call: () => Promise<(tx: Transaction, order: SagaOrder) => Promise<Outcome>> };

export type StepHandler = { begin(tx: Transaction, order: Registered): Promise<Work<StepOutcome>> };

/** How an undo ended. There is no refusal: it is done, or it comes again, until a person is asked. */
export type UndoOutcome =
  | { readonly outcome: 'done'; readonly detail: string; readonly events?: readonly NewEvent[] }
  | { readonly outcome: 'again'; readonly reason: string; readonly retryAfterMs?: number };

export type UndoHandler = { begin(tx: Transaction, order: Registered): Promise<Work<UndoOutcome>> };

export type SagaHandlers = {
  readonly steps: { readonly [Name in Exclude<StepName, 'hold-stock'>]: StepHandler };
  readonly undos: { readonly [Name in UndoName]: UndoHandler };
};
