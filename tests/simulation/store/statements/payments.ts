import type { PaymentStatus } from '../../../../src/payments/payment.ts';
import type { Row } from '../schema.ts';
import { byText, byTime, int8, jsonOf, later, type Statements, statement } from '../statement.ts';

type Attempt = Row<'payment_attempts'>;

/** src/payments/payments.sql.ts and src/payments/webhooks.sql.ts */
export const ofPayments: Statements = {
  intend_payment_calls: statement<[string[], Attempt['kind'][], string[], string[], string[], bigint[]]>(
    (run, [orderIds, kinds, paymentIds, merchantIds, providerKeys, amounts]) => {
      const intended = { outcome: 'intended', last_called_at: run.now } as const;
      return orderIds.map((order_id, index) => {
        const kind = kinds[index] as Attempt['kind'];
        const attempt = run.insert(
          'payment_attempts',
          {
            order_id,
            kind,
            payment_id: paymentIds[index] as string,
            merchant_id: merchantIds[index] as string,
            provider_key: providerKeys[index] as string,
            amount_minor: int8(amounts[index] as bigint),
            calls: 1,
            ...intended,
          },
          { on: 'primary', update: (before) => ({ calls: before.calls + 1, settled_at: null, ...intended }) },
        );
        return { orderId: order_id, kind, calls: attempt?.calls };
      });
    },
  ),

  payment_attempts_of: statement<[string[], string[]]>((run, [orderIds, kinds]) =>
    orderIds.flatMap((orderId, index) => {
      const kind = kinds[index];
      const attempt = run.row('payment_attempts', [orderId, kind]);
      if (attempt === null) return [];
      const { calls, outcome, last_called_at: calledAt } = attempt;
      const msSinceLastCall = calledAt === null ? null : run.now.getTime() - calledAt.getTime();
      return [{ orderId, kind, calls, outcome, msSinceLastCall }];
    }),
  ),

  record_payment_outcomes: statement<[string[], string[], Attempt['outcome'][], (string | null)[]]>(
    (run, [orderIds, kinds, outcomes, reasons]) =>
      orderIds.flatMap((orderId, index) => {
        const [outcome, reason] = [outcomes[index] as Attempt['outcome'], reasons[index] ?? null];
        const settled_at = outcome === 'done' || outcome === 'refused' ? run.now : null;
        return run.update('payment_attempts', { key: [orderId, kinds[index]] }, () => {
          return { outcome, reason, settled_at };
        });
      }).length,
  ),

  move_payments: statement<
    [string[], PaymentStatus[], (number | null)[], (bigint | null)[], (string | null)[], (string | null)[]]
  >(
    (run, [orderIds, statuses, checksInMs, authorised, references, declineCodes]) =>
      orderIds.flatMap((orderId, index) => {
        const status = statuses[index] as PaymentStatus;
        const [checkInMs, authorisedMinor] = [checksInMs[index] ?? null, authorised[index] ?? null];
        return run.update('payments', { is: (payment) => payment.order_id === orderId }, (payment) => ({
          status_since: payment.status === status ? payment.status_since : run.now,
          status,
          next_check_at: checkInMs === null ? null : later(run.now, checkInMs),
          authorised_minor: authorisedMinor === null ? payment.authorised_minor : int8(authorisedMinor),
          provider_reference: references[index] ?? payment.provider_reference,
          decline_code: declineCodes[index] ?? payment.decline_code,
        }));
      }).length,
  ),

  payment_tokens: statement<[string[]]>((run, [orderIds]) =>
    run
      .rows('payments', { is: (payment) => orderIds.includes(payment.order_id) })
      .map(({ order_id: orderId, token }) => ({ orderId, token })),
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

  read_webhooks: statement<[string[], string[]]>((run, [providers, eventIds]) =>
    providers.flatMap((provider, index) => {
      const webhook = run.row('webhooks_received', [provider, eventIds[index]]);
      return webhook === null ? [] : [{ provider, eventId: webhook.event_id, body: webhook.body }];
    }),
  ),

  mark_webhooks_handled: statement<[string[], string[]]>(
    (run, [providers, eventIds]) =>
      providers.flatMap((provider, index) => {
        return run.update('webhooks_received', { key: [provider, eventIds[index]] }, () => ({ handled_at: run.now }));
      }).length,
  ),

  payments_by_reference: statement<[string[], string[]]>((run, [providers, paymentIds]) =>
    providers.flatMap((provider, index) =>
      run
        .rows('payments', { key: [paymentIds[index]], is: (payment) => payment.provider === provider })
        .map((payment) => ({
          provider,
          paymentId: payment.payment_id,
          orderId: payment.order_id,
          merchantId: payment.merchant_id,
          status: payment.status,
          providerReference: payment.provider_reference,
        })),
    ),
  ),

  first_merchant: statement<[]>((run) => {
    const merchants = run.rows('merchants').sort((left, right) => {
      return byTime(left.created_at, right.created_at) || byText(left.merchant_id, right.merchant_id);
    });
    return merchants.slice(0, 1).map(({ merchant_id: merchantId }) => ({ merchantId }));
  }),
};
