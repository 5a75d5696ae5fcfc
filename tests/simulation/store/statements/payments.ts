import type { PaymentStatus } from '../../../../src/payments/payment.ts';
import type { Row } from '../schema.ts';
import { byText, byTime, int8, jsonOf, later, type Statements, statement } from '../statement.ts';

type Attempt = Row<'payment_attempts'>;

/** src/payments/payments.sql.ts and src/payments/webhooks.sql.ts */
export const ofPayments: Statements = {
  intend_payment_call: statement<[string, Attempt['kind'], string, string, string, bigint]>((run, values) => {
    const [order_id, kind, payment_id, merchant_id, provider_key, amount] = values;
    const intended = { outcome: 'intended', last_called_at: run.now } as const;
    const attempt = run.insert(
      'payment_attempts',
      { order_id, kind, payment_id, merchant_id, provider_key, amount_minor: int8(amount), calls: 1, ...intended },
      { on: 'primary', update: (before) => ({ calls: before.calls + 1, settled_at: null, ...intended }) },
    );
    return [{ calls: attempt?.calls }];
  }),

  payment_attempt_of: statement<[string, string]>((run, key) => {
    const attempt = run.row('payment_attempts', key);
    if (attempt === null) return [];
    const { calls, outcome, last_called_at: calledAt } = attempt;
    return [{ calls, outcome, msSinceLastCall: calledAt === null ? null : run.now.getTime() - calledAt.getTime() }];
  }),

  record_payment_outcome: statement<[string, string, Attempt['outcome'], string | null]>((run, values) => {
    const [orderId, kind, outcome, reason] = values;
    const settled_at = outcome === 'done' || outcome === 'refused' ? run.now : null;
    return run.update('payment_attempts', { key: [orderId, kind] }, () => ({ outcome, reason, settled_at })).length;
  }),

  move_payment: statement<[string, PaymentStatus, number | null, bigint | null, string | null, string | null]>(
    (run, values) => {
      const [orderId, status, checkInMs, authorisedMinor, providerReference, declineCode] = values;
      return run.update('payments', { is: (payment) => payment.order_id === orderId }, (payment) => ({
        status_since: payment.status === status ? payment.status_since : run.now,
        status,
        next_check_at: checkInMs === null ? null : later(run.now, checkInMs),
        authorised_minor: authorisedMinor === null ? payment.authorised_minor : int8(authorisedMinor),
        provider_reference: providerReference ?? payment.provider_reference,
        decline_code: declineCode ?? payment.decline_code,
      })).length;
    },
  ),

  payment_token: statement<[string]>((run, [orderId]) =>
    run.rows('payments', { is: (payment) => payment.order_id === orderId }).map(({ token }) => ({ token })),
  ),

  payments_to_check: statement<[number]>((run, [count]) =>
    run
      .rows('payments', { is: (payment) => payment.next_check_at !== null && payment.next_check_at < run.now })
      .filter(({ order_id }) => {
        return (
          run.rows('saga_steps', { is: (step) => step.order_id === order_id && step.undo === 'parked' }).length === 0
        );
      })
      .sort((left, right) => byTime(left.next_check_at as Date, right.next_check_at as Date))
      .slice(0, count)
      .map(({ order_id: orderId, merchant_id: merchantId, status }) => ({ orderId, merchantId, status })),
  ),

  postpone_payment_checks: statement<[string[], number]>((run, [orderIds, checkInMs]) => {
    const isMeant = (payment: Row<'payments'>): boolean =>
      orderIds.includes(payment.order_id) && payment.next_check_at !== null;
    return run.update('payments', { is: isMeant }, () => ({ next_check_at: later(run.now, checkInMs) })).length;
  }),

  store_webhook: statement<[string, string, string, string]>((run, [provider, event_id, merchant_id, body]) => {
    const stored = run.insert(
      'webhooks_received',
      { provider, event_id, merchant_id, body: jsonOf(body) },
      {
        on: 'primary',
        update: (before) => ({ deliveries: before.deliveries + 1 }),
      },
    );
    return [{ deliveries: stored?.deliveries }];
  }),

  read_webhook: statement<[string, string]>((run, key) => {
    const webhook = run.row('webhooks_received', key);
    return webhook === null ? [] : [{ body: webhook.body }];
  }),

  mark_webhook_handled: statement<[string, string]>((run, key) => {
    return run.update('webhooks_received', { key }, () => ({ handled_at: run.now })).length;
  }),

  payment_by_reference: statement<[string, string]>((run, [provider, paymentId]) =>
    run.rows('payments', { key: [paymentId], is: (payment) => payment.provider === provider }).map((payment) => ({
      orderId: payment.order_id,
      merchantId: payment.merchant_id,
      status: payment.status,
      providerReference: payment.provider_reference,
    })),
  ),

  first_merchant: statement<[]>((run) => {
    const merchants = run.rows('merchants').sort((left, right) => {
      return byTime(left.created_at, right.created_at) || byText(left.merchant_id, right.merchant_id);
    });
    return merchants.slice(0, 1).map(({ merchant_id: merchantId }) => ({ merchantId }));
  }),
};
