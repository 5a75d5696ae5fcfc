import type { Canary } from './canary.ts';
import { takenAt } from './clean-evidence.ts';
import { changed, doubled, orderOf, without } from './plant.ts';

type Owned = { readonly order_id: string | null };
const isConfirmed = ({ status }: { readonly status: string }): boolean => status === 'confirmed';
const isCancelled = ({ status }: { readonly status: string }): boolean => status === 'cancelled';
const of =
  (orderId: string) =>
  (row: Owned): boolean =>
    row.order_id === orderId;

/** How orders end, and what messages and events tell of it: promises 5, 6 and 7. */
export const canariesOfEnds: readonly Canary[] = [
  {
    promise: 5,
    plants: 'an order that waits for ever',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { status: 'pending', deadline_at: takenAt }),
    finds: /is pending and nobody has been told/,
  },
  {
    promise: 5,
    plants: 'a cancelled order whose stock is still held',
    plant(evidence) {
      const orderId = orderOf(evidence, isCancelled);
      return changed(evidence, 'reservations', of(orderId), { status: 'held' });
    },
    finds: /is cancelled, and PLENTY is held/,
  },
  {
    promise: 5,
    plants: 'a cancelled order whose payment still stands',
    plant: (evidence) => changed(evidence, 'payments', of(orderOf(evidence, isCancelled)), { status: 'authorised' }),
    finds: /is cancelled, and its payment is authorised/,
  },
  {
    promise: 5,
    plants: 'a confirmed order that is not paid for',
    plant: (evidence) => changed(evidence, 'payments', of(orderOf(evidence, isConfirmed)), { status: 'declined' }),
    finds: /is confirmed, and its payment is declined/,
  },
  {
    promise: 5,
    plants: 'a confirmed order whose stock was given back',
    plant: (evidence) => changed(evidence, 'reservations', of(orderOf(evidence, isConfirmed)), { status: 'released' }),
    finds: /is confirmed, and PLENTY is released/,
  },
  {
    promise: 5,
    plants: 'an undo that was not done',
    plant(evidence) {
      const isOf = of(orderOf(evidence, isCancelled));
      return changed(evidence, 'saga_steps', (row) => isOf(row) && row.undo === 'done', { undo: 'registered' });
    },
    finds: /and the undo of hold-stock is registered/,
  },
  {
    promise: 5,
    plants: 'a step of a confirmed order that was not done',
    plant(evidence) {
      const isOf = of(orderOf(evidence, isConfirmed));
      return changed(evidence, 'saga_steps', (row) => isOf(row) && row.step === 'confirm-order', { status: 'running' });
    },
    finds: /is confirmed, and confirm-order is running/,
  },
  {
    promise: 5,
    plants: 'an order of which half was committed',
    plant: (evidence) => without(evidence, 'sagas', of(orderOf(evidence, isConfirmed))),
    finds: /has 0 sagas/,
  },
  {
    promise: 5,
    plants: 'a message that is left to do',
    plant: (evidence) => changed(evidence, 'messages', () => true, { available_at: takenAt }),
    finds: /check-payment waits/,
  },
  {
    promise: 5,
    plants: 'a message that failed and is put off',
    plant: (evidence) => changed(evidence, 'messages', () => true, { attempt: 3 }),
    finds: /after 3 attempts/,
  },
  {
    promise: 5,
    plants: 'an order on hold of which nobody was told',
    plant: (evidence) =>
      changed(evidence, 'operator_inbox', of(orderOf(evidence, ({ status }) => status === 'on_hold')), {
        closed_at: takenAt,
      }),
    finds: /is on hold, and no question/,
  },
  {
    promise: 5,
    plants: 'a question about an order that has ended',
    plant: (evidence) =>
      changed(evidence, 'operator_inbox', of(orderOf(evidence, ({ status }) => status === 'on_hold')), {
        order_id: orderOf(evidence, isConfirmed),
      }),
    finds: /is confirmed, and a person is still asked \(fraud_review\)/,
  },
  {
    promise: 5,
    plants: 'a parked order without a letter to act on',
    plant: (evidence) => without(evidence, 'dead_letters', () => true),
    finds: /is cancelling and nobody has been told/,
  },
  {
    promise: 5,
    plants: 'an order on hold in a run that leaves nothing to people',
    plant: (evidence) => ({ ...evidence, allowsPeople: false }),
    finds: /is on hold, and no question/,
  },
  {
    promise: 5,
    plants: 'a dead letter in a run that leaves nothing to people',
    plant: (evidence) => ({ ...evidence, allowsPeople: false }),
    finds: /is given up/,
  },
  {
    promise: 5,
    plants: 'a dead letter of which nobody was told',
    plant: (evidence) => doubled(evidence, 'dead_letters', () => true, { order_id: orderOf(evidence, isConfirmed) }),
    finds: /is given up/,
  },
  {
    promise: 6,
    plants: 'a message that was handled twice',
    plant: (evidence) => doubled(evidence, 'messages_handled', () => true, {}),
    finds: /was handled twice/,
  },
  {
    promise: 6,
    plants: 'a message that was handled and is still alive',
    plant: (evidence) =>
      changed(evidence, 'messages', () => true, { message_id: evidence.ours.messages_handled[0]?.message_id ?? '' }),
    finds: /was handled, and is still alive/,
  },
  {
    promise: 6,
    plants: 'a message that was handled and lies with the dead letters',
    plant: (evidence) =>
      changed(evidence, 'dead_letters', () => true, {
        message_id: evidence.ours.messages_handled[0]?.message_id ?? '',
      }),
    finds: /was handled, and is a dead letter/,
  },
  {
    promise: 6,
    plants: 'one cause with two messages that are alive',
    plant: (evidence) => doubled(evidence, 'messages', () => true, { message_id: 'another' }),
    finds: /is alive twice/,
  },
  {
    promise: 6,
    plants: 'a message that was committed and is nowhere',
    plant: (evidence) => without(evidence, 'messages', () => true),
    finds: /was committed, and is nowhere/,
  },
  {
    promise: 6,
    plants: 'a first message that was never written',
    plant: (evidence) => without(evidence, 'messages_handled', ({ type }) => type === 'screen-for-fraud'),
    finds: /must have been written/,
  },
  {
    promise: 6,
    plants: 'an undo that was never sent for',
    plant: (evidence) => without(evidence, 'messages_handled', ({ type }) => type === 'release-stock'),
    finds: /must have been written/,
  },
  {
    promise: 6,
    plants: 'a replayed dead letter that is nowhere',
    plant: (evidence) => changed(evidence, 'dead_letters', () => true, { status: 'replayed' }),
    finds: /was replayed, and is neither/,
  },
  {
    promise: 6,
    plants: 'a webhook that was stored and not sent for',
    plant: (evidence) => without(evidence, 'messages_handled', ({ type }) => type === 'handle-webhook'),
    finds: /were stored, and \d+ messages sent/,
  },
  {
    promise: 6,
    plants: 'a webhook that was sent for and not handled',
    plant: (evidence) => changed(evidence, 'webhooks_received', () => true, { handled_at: null }),
    finds: /1 are not handled/,
  },
  {
    promise: 6,
    plants: 'a message that took effect twice',
    plant: (evidence) => doubled(evidence, 'domain_events', ({ type }) => type === 'OrderPlaced', { sequence: 9 }),
    finds: /took effect 2 times/,
  },
  {
    promise: 7,
    plants: 'a gap in the events of an order',
    plant: (evidence) =>
      without(evidence, 'domain_events', ({ type, sequence }) => type === 'PaymentAuthorized' && sequence === 2),
    finds: /its events are 1, 3/,
  },
  {
    promise: 7,
    plants: 'an order that has told more than it counts',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { next_sequence: 3 }),
    finds: /and the next is 3/,
  },
  {
    promise: 7,
    plants: 'an event that did not reach the timeline',
    plant: (evidence) => without(evidence, 'order_timeline', ({ sequence }) => sequence === 3),
    finds: /its timeline has/,
  },
  {
    promise: 7,
    plants: 'a timeline in another order',
    plant: (evidence) =>
      changed(evidence, 'order_timeline', ({ sequence }) => sequence === 2, { type: 'OrderPending' }),
    finds: /its timeline has/,
  },
  {
    promise: 7,
    plants: 'an order that is confirmed before it is paid for',
    plant(evidence) {
      const isOf = of(orderOf(evidence, isConfirmed));
      const isPaid = (row: Owned & { type: string }): boolean => isOf(row) && row.type === 'PaymentAuthorized';
      return changed(evidence, 'domain_events', isPaid, { type: 'PaymentDeclined' });
    },
    finds: /follows 0 authorisations/,
  },
  {
    promise: 7,
    plants: 'an event that cannot follow',
    plant: (evidence) =>
      changed(evidence, 'domain_events', ({ type }) => type === 'OrderReleased', { type: 'OrderHeld' }),
    finds: /cannot follow: the order was on_hold/,
  },
  {
    promise: 7,
    plants: 'an order that goes back after the pivot',
    plant: (evidence) =>
      changed(evidence, 'domain_events', ({ type }) => type === 'PaymentDeclined', { type: 'PaymentAuthorized' }),
    finds: /goes back after the pivot/,
  },
  {
    promise: 7,
    plants: 'an order that stands otherwise than its events end',
    plant: (evidence) => changed(evidence, 'orders', ({ status }) => status === 'cancelling', { status: 'cancelled' }),
    finds: /and its events end at cancelling/,
  },
  {
    promise: 7,
    plants: 'an order that is cancelled for another reason than it told',
    plant: (evidence) => changed(evidence, 'orders', isCancelled, { cancel_code: 'another' }),
    finds: /says .*, the order another/,
  },
  {
    promise: 7,
    plants: 'events of an order that is not there',
    plant: (evidence) => without(evidence, 'orders', isConfirmed),
    finds: /has events, and is not there/,
  },
];
