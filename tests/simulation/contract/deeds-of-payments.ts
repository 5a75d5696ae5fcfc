import type { PaymentStatus } from '../../../src/payments/payment.ts';
import {
  attemptOf,
  intend,
  movePayment,
  paymentsToCheck,
  postponeChecks,
  recordOutcome,
  tokenOf,
} from '../../../src/payments/payments.sql.ts';
import {
  markWebhookHandled,
  merchantOfProvider,
  paymentsByReference,
  readWebhook,
  storeWebhook,
} from '../../../src/payments/webhooks.sql.ts';
import { merchantId } from '../seed-rows.ts';
import { nobody } from './draws.ts';
import type { StatementDeed } from './statement-deed.ts';

export const ofPayments: Readonly<Record<string, StatementDeed>> = {
  intend: (draws) => {
    const [payment, kind] = [draws.row('payments'), draws.chance.pick(['authorise', 'void'] as const)];
    const { order_id: orderId = nobody, payment_id: paymentId = nobody } = payment ?? {};
    const providerKey = draws.chance.happens(0.9) ? `${orderId}-${kind}` : 'shared';
    return (tx) => intend(tx, { orderId, paymentId, merchantId, kind, providerKey, amountMinor: 255n });
  },
  attemptOf: (draws) => {
    const [id, kind] = [draws.id('orders', 'order_id'), draws.chance.pick(['authorise', 'void'] as const)];
    return (tx) => attemptOf(tx, id, kind);
  },
  recordOutcome: (draws) => {
    const { chance } = draws;
    const [orderId, kind] = [draws.id('orders', 'order_id'), chance.pick(['authorise', 'void'] as const)];
    const outcome = chance.pick(['done', 'refused', 'unknown', 'retryable', 'could-not-post', 'otherwise']);
    const reason = chance.pick([null, 'because']);
    return (tx) => recordOutcome(tx, { orderId, kind, outcome, reason });
  },
  movePayment: (draws) => {
    const { chance } = draws;
    const orderId = draws.id('orders', 'order_id');
    const status = chance.pick([
      'authorising',
      'unknown',
      'authorised',
      'declined',
      'voiding',
      'voided',
    ] as PaymentStatus[]);
    const checkInMs = chance.pick([null, 1_000, 60_000]);
    const more = chance.pick([{}, { authorisedMinor: 650n }, { authorisedMinor: 9_999_999n }, { declineCode: 'no' }]);
    const named = chance.pick([{}, { providerReference: 'auth_1' }]);
    return (tx) => movePayment(tx, { orderId, status, checkInMs, ...named, ...more });
  },
  tokenOf: (draws) => {
    const id = draws.id('orders', 'order_id');
    return async (tx) => (await tokenOf(tx, id))?.reveal() ?? null;
  },
  paymentsToCheck: () => (tx) => paymentsToCheck(tx, 1_000),
  postponeChecks: (draws) => {
    const unsettled = draws.tables.payments.filter(({ next_check_at }) => next_check_at !== null);
    const ids = [draws.id('orders', 'order_id'), ...unsettled.map(({ order_id }) => String(order_id))];
    const checkInMs = draws.chance.pick([45_000, 46_000]);
    return (tx) => postponeChecks(tx, ids, checkInMs);
  },
  storeWebhook: (draws) => {
    const { chance } = draws;
    const body = { id: 'evt', amount: 2.5, text: 'é', nested: { z: 1, a: [1, null] } };
    const [eventId, owner] = [`evt_${chance.between(1, 5)}`, chance.pick([merchantId, merchantId, 'nobody'])];
    return (tx) => storeWebhook(tx, { provider: 'simulated', eventId, merchantId: owner, body });
  },
  readWebhook: (draws) => {
    const eventId = draws.id('webhooks_received', 'event_id');
    return (tx) => readWebhook(tx, 'simulated', eventId);
  },
  markWebhookHandled: (draws) => {
    const eventId = draws.id('webhooks_received', 'event_id');
    return (tx) => markWebhookHandled(tx, 'simulated', eventId);
  },
  paymentByReference: (draws) => {
    const [id, provider] = [draws.id('payments', 'payment_id'), draws.chance.pick(['simulated', 'another'])];
    return (tx) => tx.each(paymentsByReference, { provider, paymentId: id });
  },
  merchantOfProvider: () => (tx) => merchantOfProvider(tx),
};
