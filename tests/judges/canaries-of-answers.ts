import type { Canary } from './canary.ts';
import type { ClientCall, Evidence } from './evidence.ts';
import { changed, doubled, orderOf, toldOtherwise, untold, without } from './plant.ts';

const isConfirmed = ({ status }: { readonly status: string }): boolean => status === 'confirmed';
const isOk = ({ operation, outcome }: ClientCall): boolean => operation === 'complete' && outcome.kind === 'ok';
const isNo = ({ operation, outcome }: ClientCall): boolean => operation === 'complete' && outcome.kind === 'refused';
/** Calls that were answered as an earlier one under their key was. */
const isRetry =
  ({ history }: Evidence) =>
  (call: ClientCall): boolean =>
    isOk(call) &&
    history.some((each) => each.number < call.number && each.idempotencyKey === call.idempotencyKey && isOk(each));
const outOfStock = { kind: 'refused', code: 'out_of_stock', answerSha256: 'no' } as const;
const another = '00000002-0000-7000-8000-000000000099';

/** What clients were told, against keys, orders and quotes: promises 1 and 8. */
export const canariesOfAnswers: readonly Canary[] = [
  {
    promise: 1,
    plants: 'an order that was acknowledged is not there',
    plant: (evidence) => without(evidence, 'orders', isConfirmed),
    finds: /acknowledged order .* is there 0 times/,
  },
  {
    promise: 1,
    plants: 'the answer of a key is not kept',
    plant: (evidence) =>
      without(evidence, 'commit_keys', ({ operation, order_id }) => operation === 'complete' && order_id === null),
    finds: /nothing stands under the key/,
  },
  {
    promise: 1,
    plants: 'a retry is answered with another order',
    plant: (evidence) =>
      toldOtherwise(evidence, isRetry(evidence), ({ outcome }) => ({
        outcome: { ...outcome, orderId: another } as never,
      })),
    finds: /2 orders were named/,
  },
  {
    promise: 1,
    plants: 'a retry is refused although the order exists',
    plant: (evidence) => toldOtherwise(evidence, isRetry(evidence), () => ({ outcome: outOfStock })),
    finds: /both committed and refused/,
  },
  {
    promise: 1,
    plants: 'a retry is answered with other bytes',
    plant: (evidence) =>
      toldOtherwise(
        evidence,
        (call) => isNo(call) && 'code' in call.outcome && call.outcome.code === 'out_of_stock',
        () => ({
          outcome: outOfStock,
        }),
      ),
    finds: /different contents/,
  },
  {
    promise: 1,
    plants: 'another request under a key is answered',
    plant: (evidence) => toldOtherwise(evidence, isRetry(evidence), () => ({ requestSha256: 'another' })),
    finds: /2 different requests were answered/,
  },
  {
    promise: 1,
    plants: 'a retry is told that its own key is another request',
    plant: (evidence) =>
      toldOtherwise(evidence, isRetry(evidence), () => ({
        outcome: { ...outOfStock, code: 'idempotency_key_reused' },
      })),
    finds: /it is the request that stands under the key/,
  },
  {
    promise: 1,
    plants: 'a retry is refused for want of what its key had been answered with',
    plant: (evidence) =>
      toldOtherwise(evidence, isRetry(evidence), () => ({ outcome: { ...outOfStock, code: 'checkout_incomplete' } })),
    finds: /after call \d+ had been answered/,
  },
  {
    promise: 1,
    plants: 'a refusal that was decided under a key is not kept as it was told',
    plant: (evidence) =>
      changed(evidence, 'commit_keys', ({ operation, order_id }) => operation === 'complete' && order_id === null, {
        outcome: { outcome: 'refused', refusal: { code: 'price_changed' } },
      }),
    finds: /refused with out_of_stock, and price_changed is kept/,
  },
  {
    promise: 1,
    plants: 'a checkout has two orders that are alive',
    plant(evidence) {
      const [first, second] = evidence.ours.orders.filter(isConfirmed);
      const isSecond = ({ order_id }: { order_id: string }): boolean => order_id === second?.order_id;
      return changed(evidence, 'orders', isSecond, { checkout_id: first?.checkout_id ?? '' });
    },
    finds: /2 orders that are alive/,
  },
  {
    promise: 1,
    plants: 'a live order that its checkout does not name',
    plant(evidence) {
      const orderId = orderOf(evidence, isConfirmed);
      return changed(evidence, 'checkouts', ({ order_id }) => order_id === orderId, { order_id: null });
    },
    finds: /and names none/,
  },
  {
    promise: 1,
    plants: 'an order stands under two keys',
    plant: (evidence) =>
      doubled(evidence, 'commit_keys', ({ order_id }) => order_id !== null, { idempotency_key: 'a second one' }),
    finds: /stands under 2 keys/,
  },
  {
    promise: 1,
    plants: 'an order for which no client asked',
    plant: (evidence) =>
      untold(evidence, ({ operation, checkoutId }) => operation === 'complete' && checkoutId?.endsWith('1') === true),
    finds: /no client asked for it/,
  },
  {
    promise: 1,
    plants: 'an order of which each client was told that there is none',
    plant(evidence) {
      const orderId = orderOf(evidence, ({ status }) => status === 'on_hold');
      const isOf = ({ outcome }: ClientCall): boolean => outcome.kind === 'ok' && outcome.orderId === orderId;
      return toldOtherwise(evidence, isOf, () => ({ outcome: outOfStock }));
    },
    finds: /every call under its key .* was refused/,
  },
  {
    promise: 1,
    plants: 'an order that a client was told is confirmed is cancelled',
    plant: (evidence) =>
      changed(evidence, 'orders', isConfirmed, { status: 'cancelled', cancel_code: 'order_refused' }),
    finds: /told that the order is confirmed, and it is cancelled/,
  },
  {
    promise: 1,
    plants: 'an order ended otherwise than a client was told',
    plant: (evidence) =>
      changed(evidence, 'orders', ({ cancel_code }) => cancel_code === 'payment_failed', {
        cancel_code: 'order_refused',
      }),
    finds: /told that the order ended with payment_failed, and it is cancelled/,
  },
  {
    promise: 1,
    plants: 'a checkout whose cancellation was acknowledged is open',
    plant: (evidence) => changed(evidence, 'checkouts', ({ status }) => status === 'cancelled', { status: 'open' }),
    finds: /told that checkout .* is cancelled, and it is open/,
  },
  {
    promise: 1,
    plants: 'a checkout that was acknowledged is not there',
    plant: (evidence) => without(evidence, 'checkouts', ({ status }) => status === 'open'),
    finds: /acknowledged checkout .* is not there/,
  },
  {
    promise: 8,
    plants: 'an order of another total than its quote',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { total_minor: 651n }),
    finds: /quoted .* and the order is of 651/,
  },
  {
    promise: 8,
    plants: 'a payment of another amount than the quote',
    plant: (evidence) => changed(evidence, 'payments', () => true, { amount_minor: 1n }),
    finds: /quoted .* and the payment is of 1 GBP/,
  },
  {
    promise: 8,
    plants: 'an authorisation in another currency than the quote',
    plant: (evidence) => ({ ...evidence, theirs: evidence.theirs.map((each) => ({ ...each, currency: 'EUR' })) }),
    finds: /and authorisation .* EUR/,
  },
  {
    promise: 8,
    plants: 'a buyer who had seen a lower total',
    plant(evidence) {
      const call = evidence.history.find(isOk);
      const history = evidence.history.map((each) =>
        each.idempotencyKey === call?.idempotencyKey ? { ...each, seenTotalMinor: 1n } : each,
      );
      return { ...evidence, history };
    },
    finds: /1 were seen/,
  },
  {
    promise: 8,
    plants: 'an answer with another total than the order has',
    plant: (evidence) =>
      toldOtherwise(evidence, isOk, ({ outcome }) => ({ outcome: { ...outcome, totalMinor: 7n } as never })),
    finds: /7 were answered/,
  },
  {
    promise: 8,
    plants: 'a total that no quote has is shown',
    plant: (evidence) =>
      toldOtherwise(
        evidence,
        ({ operation }) => operation === 'create',
        ({ outcome }) => {
          return { outcome: { ...outcome, totalMinor: 7n } as never };
        },
      ),
    finds: /a total of 7 was shown/,
  },
  {
    promise: 8,
    plants: 'a line at another price than it was quoted at',
    plant: (evidence) => changed(evidence, 'order_lines', () => true, { unit_price_minor: 254n }),
    finds: /and its lines are .* at 254/,
  },
  {
    promise: 8,
    plants: 'a quote whose lines and shipping are not its total',
    plant: (evidence) => changed(evidence, 'quotes', () => true, { total_minor: 9_999n }),
    finds: /lines and shipping are .* 9999/,
  },
  {
    promise: 8,
    plants: 'a line that is not its price times its quantity',
    plant(evidence) {
      const content = evidence.ours.quotes[0]?.content as { lines: { unitPriceMinor: string }[] };
      const lines = content.lines.map((line) => ({ ...line, unitPriceMinor: '1' }));
      return changed(evidence, 'quotes', () => true, { content: { ...content, lines } });
    },
    finds: /not price times quantity/,
  },
];
