import type { PaymentMove, VoidEnd } from '../../src/payments/decide.ts';
import type { Authorisation, ProviderOutcome } from '../../src/payments/provider.ts';
import { afterStep, afterUndo, afterUndoParked } from '../../src/sagas/decide.ts';
import type { SagaChange, StepName, StepOutcome, StepState, UndoName } from '../../src/sagas/saga.ts';
import type { UndoOutcome } from '../../src/sagas/steps.ts';
import { foundOf, type InHand, type Order } from './world.ts';

/** What a transaction writes, and what the provider's books take: states made of states. */

/** The undos of the saga: their messages, when they are out of attempts, are parked for a person. */
export const undos: readonly string[] = ['release-stock', 'void-authorisation'];

export function isTheSagasOwn({ saga, payment }: Order): boolean {
  const isOpen = ['authorising', 'unknown', 'intended'].includes(payment);
  return (saga.status === 'running' && isOpen) || payment === 'voiding';
}

export function foundIn(answer: string): Authorisation[] {
  return foundOf(
    answer
      .split(' ')
      .slice(1)
      .filter((word) => word !== '') as Authorisation['status'][],
  );
}

export function outcomeOf(answer: string): ProviderOutcome<readonly Authorisation[]> {
  if (answer === 'unknown') return { outcome: 'unknown', reason: '' };
  if (answer === 'retryable') return { outcome: 'retryable', reason: '' };
  if (answer === 'refused') return { outcome: 'refused', code: 'card_declined', reason: '' };
  return { outcome: 'done', value: foundIn(answer) };
}

export function endOf(answer: string): VoidEnd {
  const [end, providerReference = ''] = answer.split(' ');
  if (end === 'voided') return { end, providerReference, authorisedMinor: 1_250n };
  if (end === 'declined') return { end, declineCode: 'card_declined' };
  return end === 'absent' ? { end } : { end: 'open', reason: '' };
}

export function acted(order: Order, made: readonly ('authorised' | 'declined')[]): Order {
  const { provider } = order;
  const events = new Set([...provider.events, ...made.map((status, index) => `${status} r${index}`)]);
  return { ...order, provider: { ...provider, authorisations: made, events } };
}

export function voidedAt(order: Order, reference: string): Order {
  const authorisations = order.provider.authorisations.map((status, index) =>
    `r${index}` === reference && status === 'authorised' ? ('voided' as const) : status,
  );
  return { ...order, provider: { ...order.provider, authorisations } };
}

export function moved(order: Order, change: PaymentMove | null): Order {
  if (change === null) return order;
  return { ...order, payment: change.status, reference: change.providerReference ?? order.reference };
}

export function stepEnded(order: Order, name: string, outcome: StepOutcome): Order {
  const written = applied(order, afterStep(order.saga, name as StepName, outcome));
  return outcome.outcome === 'again' ? written : ended(written, name);
}

export function undoEnded(order: Order, name: string, outcome: UndoOutcome): Order {
  if (outcome.outcome === 'again') return order;
  return ended(applied(order, afterUndo(order.saga, name as UndoName, '', [])), name);
}

export function buried(order: Order, message: string): Order {
  const rest = { ...ended(order, message), dead: new Set([...order.dead, message]) };
  return undos.includes(message) ? applied(rest, afterUndoParked(rest.saga, message as UndoName, '')) : rest;
}

export function replayed(order: Order, message: string): Order {
  const dead = new Set([...order.dead].filter((each) => each !== message));
  return withMessages({ ...order, dead }, [message]);
}

/** Counters and words decide nothing, and would make every state a new one. */
function plain(step: StepState): StepState {
  return { ...step, attempts: 1, undoAttempts: 0, detail: null };
}

export function withStep(order: Order, step: StepState): Order {
  return { ...order, saga: { ...order.saga, steps: new Map(order.saga.steps).set(step.step, plain(step)) } };
}

/** As sagas/saga.sql.ts writes a change: with the payment of a cancelled order that was never called for. */
export function applied(order: Order, change: SagaChange): Order {
  const stepped = change.steps.reduce(withStep, order);
  const saga = {
    ...stepped.saga,
    ...(change.status === undefined ? {} : { status: change.status }),
    ...(change.order === undefined
      ? {}
      : { orderStatus: change.order.status, cancelCode: change.order.cancelCode ?? stepped.saga.cancelCode }),
  };
  const isNeverPaid = saga.orderStatus === 'cancelled' && order.payment === 'intended';
  return withMessages({ ...stepped, saga, payment: isNeverPaid ? 'abandoned' : stepped.payment }, change.send);
}

export function withMessages(order: Order, types: readonly string[]): Order {
  const fresh = types.filter((type) => !order.messages.has(type));
  if (fresh.length === 0) return order;
  return { ...order, messages: new Map([...order.messages, ...fresh.map((type) => [type, null] as const)]) };
}

export function inHand(order: Order, message: string, hand: InHand | null, who: 'holder' | 'zombie' = 'holder'): Order {
  if (who === 'zombie') return { ...order, zombie: hand === null ? null : { message, hand } };
  return { ...order, messages: new Map(order.messages).set(message, hand) };
}

export function ended(order: Order, message: string): Order {
  const messages = new Map(order.messages);
  messages.delete(message);
  return { ...order, messages };
}
