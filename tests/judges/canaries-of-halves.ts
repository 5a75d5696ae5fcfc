import type { Canary } from './canary.ts';
import type { ClientCall, Evidence, Tables } from './evidence.ts';
import { booked, changed, doubled, orderOf, toldOtherwise, without } from './plant.ts';

const isConfirmed = ({ status }: { readonly status: string }): boolean => status === 'confirmed';
const isCancelled = ({ status }: { readonly status: string }): boolean => status === 'cancelled';
const isDeclined = ({ status }: { readonly status: string }): boolean => status === 'declined';
const isOk = ({ operation, outcome }: ClientCall): boolean => operation === 'complete' && outcome.kind === 'ok';
const isOutOfStock = ({ outcome }: ClientCall): boolean =>
  outcome.kind === 'refused' && outcome.code === 'out_of_stock';

/** Rows of a confirmed order, or of a cancelled one. */
const ofOne =
  (evidence: Evidence, fits: (order: { readonly status: string }) => boolean) =>
  ({ order_id }: { readonly order_id: string | null }): boolean =>
    order_id === orderOf(evidence, fits);

/** Orders that are half there, rows that are there twice, and values that nothing can have. */
export const canariesOfHalves: readonly Canary[] = [
  {
    promise: 1,
    plants: 'an order that stands under no key',
    plant: (evidence) => without(evidence, 'commit_keys', ofOne(evidence, isConfirmed)),
    finds: /stands under no key/,
  },
  {
    promise: 1,
    plants: 'an order that was answered and for which a refusal is kept',
    plant: (evidence) => changed(evidence, 'commit_keys', ofOne(evidence, isCancelled), { order_id: null }),
    finds: /answered with an order, and committed stands under the key/,
  },
  {
    promise: 1,
    plants: 'an order that was answered in place of that of the key',
    plant: (evidence) => changed(evidence, 'commit_keys', ofOne(evidence, isCancelled), { order_id: 'another' }),
    finds: /answered with order .*, and another stands under the key/,
  },
  {
    promise: 1,
    plants: 'a complete that is acknowledged without an order',
    plant: (evidence) =>
      toldOtherwise(evidence, isOk, ({ outcome }) => ({ outcome: { ...outcome, orderId: null } as never })),
    finds: /acknowledged without naming the order/,
  },
  {
    promise: 1,
    plants: 'a retry that is refused for another reason',
    plant: (evidence) =>
      toldOtherwise(evidence, isOutOfStock, () => {
        return { outcome: { kind: 'refused', code: 'price_changed', answerSha256: 'no' } };
      }),
    finds: /refused for different reasons/,
  },
  {
    promise: 2,
    plants: 'an authorisation that is in the books twice',
    plant: (evidence) =>
      booked(
        evidence,
        () => true,
        (entry) => [entry, entry],
      ),
    finds: /is in the books twice/,
  },
  {
    promise: 2,
    plants: 'an order with two payments',
    plant: (evidence) => doubled(evidence, 'payments', () => true, { payment_id: 'another' }),
    finds: /does not have one payment/,
  },
  {
    promise: 2,
    plants: 'money taken of an order that was cancelled',
    plant: (evidence) =>
      booked(
        evidence,
        ({ status }) => status === 'declined',
        (entry) => [{ ...entry, status: 'captured', captures: 1, capturedMinor: entry.amountMinor }],
      ),
    finds: /are captured, and the order is cancelled/,
  },
  {
    promise: 2,
    plants: 'more given back than was taken',
    plant: (evidence) => booked(evidence, isDeclined, (entry) => [{ ...entry, refundedMinor: 1n }]),
    finds: /has 1 refunded of 0/,
  },
  {
    promise: 2,
    plants: 'more captured than authorised on our books',
    plant: (evidence) => changed(evidence, 'payments', () => true, { captured_minor: 10_000n }),
    finds: /our payment has captured 10000 of/,
  },
  {
    promise: 2,
    plants: 'more authorised on our books than the order is of',
    plant: (evidence) => changed(evidence, 'payments', () => true, { authorised_minor: 10_000n }),
    finds: /our payment has 10000 authorised of/,
  },
  ...(['payments', 'order_lines', 'reservations', 'saga_steps'] as const).map((table): Canary => {
    return {
      promise: 5,
      plants: `an order without ${table}`,
      plant: (evidence) => emptied(evidence, table),
      finds: /has 0 payments|has no (lines|reservations|steps)/,
    };
  }),
  {
    promise: 5,
    plants: 'an order that is there twice',
    plant: (evidence) => doubled(evidence, 'orders', isConfirmed, {}),
    finds: /is there 2 times/,
  },
  {
    promise: 5,
    plants: 'an order in a state that there is not',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { status: 'lost' as never }),
    finds: /is lost, which is no status of an order/,
  },
  {
    promise: 5,
    plants: 'a confirmed order of which a step was undone',
    plant: (evidence) => changed(evidence, 'saga_steps', ofOne(evidence, isConfirmed), { undo: 'done' }),
    finds: /is confirmed, and the undo of hold-stock is done/,
  },
  {
    promise: 5,
    plants: 'an order that is cancelled for no reason',
    plant: (evidence) => changed(evidence, 'orders', isCancelled, { cancel_code: null }),
    finds: /is cancelled for no reason/,
  },
  {
    promise: 5,
    plants: 'a cancelled order with a step that still runs',
    plant: (evidence) => changed(evidence, 'saga_steps', ofOne(evidence, isCancelled), { status: 'running' }),
    finds: /is cancelled, and hold-stock is running/,
  },
  {
    promise: 5,
    plants: 'an order that is on hold for ever',
    plant: (evidence) => changed(evidence, 'orders', ({ status }) => status === 'on_hold', { deadline_at: null }),
    finds: /is on hold for ever/,
  },
  {
    promise: 5,
    plants: 'an order that has ended and is still waited for',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { deadline_at: new Date(0) }),
    finds: /is confirmed, and has a deadline/,
  },
  {
    promise: 5,
    plants: 'a saga that goes on after its order ended',
    plant: (evidence) => changed(evidence, 'sagas', ofOne(evidence, isConfirmed), { status: 'running' }),
    finds: /is confirmed, and its saga is running/,
  },
  {
    promise: 7,
    plants: 'one event that is told twice',
    plant: (evidence) => doubled(evidence, 'domain_events', () => true, { sequence: 99 }),
    finds: /is an event twice/,
  },
  {
    promise: 8,
    plants: 'an order whose quote is gone',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { quote_version: 7 }),
    finds: /its quote 7 is not there/,
  },
  {
    promise: 8,
    plants: 'a quote that cannot be read',
    plant: (evidence) => changed(evidence, 'quotes', () => true, { content: { lines: 'none' } }),
    finds: /its content cannot be read/,
  },
  {
    promise: 8,
    plants: 'a quote whose lines are not its subtotal',
    plant: (evidence) =>
      changed(evidence, 'quotes', () => true, {
        content: { ...(evidence.ours.quotes[0]?.content as object), subtotalMinor: '1' },
      }),
    finds: /its lines are \d+, not 1/,
  },
  {
    promise: 9,
    plants: 'a payment in a state that there is not',
    plant: (evidence) => changed(evidence, 'payments', isDeclined, { status: 'lost' as never }),
    finds: /is lost, which is no status of a payment/,
  },
];

/** Nothing of this is left of a confirmed order. */
function emptied(evidence: Evidence, table: 'payments' | 'order_lines' | 'reservations' | 'saga_steps'): Evidence {
  const isOf = ofOne(evidence, isConfirmed);
  const rows: readonly { readonly order_id: string }[] = evidence.ours[table];
  const ours = { ...evidence.ours, [table]: rows.filter((row) => !isOf(row)) } as Tables;
  return { ...evidence, ours };
}
