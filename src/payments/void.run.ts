import { enqueue } from '../messaging/messages.sql.ts';
import type { SagaOrder } from '../sagas/saga.sql.ts';
import type { UndoHandler, UndoOutcome } from '../sagas/steps.ts';
import { never } from '../shared/assert.ts';
import type { NewId } from '../shared/ids.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { again, type PaymentsOptions, providerOf } from './authorise.run.ts';
import { providerKey } from './payment.ts';
import { attemptOf, intend, movePayment, recordOutcome } from './payments.sql.ts';
import type { PaymentProvider } from './provider.ts';

/** What became of the authorisation once the provider was asked, and asked to give it back. */
type Answer =
  | { readonly end: 'voided'; readonly providerReference: string; readonly authorisedMinor: bigint }
  | { readonly end: 'declined'; readonly declineCode: string | null }
  | { readonly end: 'absent' }
  | { readonly end: 'captured' }
  | { readonly end: 'open'; readonly reason: string; readonly retryAfterMs?: number };

/**
 * The undo `void-authorisation`. A call that timed out may have acted, so the provider is asked first. What it does not
 * know is not yet gone: the call may still be on its way, so the undo waits before it believes in absence, and has the
 * provider asked once more later.
 */
export function voidUndo(options: PaymentsOptions & { newId: NewId }): UndoHandler {
  return {
    async begin(tx, order) {
      const { payment, orderId } = order;
      if (payment.status === 'declined') return { now: { outcome: 'done', detail: 'declined, nothing to void' } };
      if (payment.status === 'intended') {
        await movePayment(tx, { orderId, status: 'abandoned', checkInMs: null });
        return { now: { outcome: 'done', detail: 'the provider was never called' } };
      }
      const authorise = await attemptOf(tx, orderId, 'authorise');
      await intend(tx, {
        orderId,
        paymentId: payment.paymentId,
        merchantId: order.merchantId,
        kind: 'void',
        providerKey: providerKey(orderId, 'void'),
        amountMinor: payment.amountMinor,
      });
      await movePayment(tx, { orderId, status: 'voiding', checkInMs: options.timings.checkAfterMs });
      const provider = providerOf(options, payment.provider);
      const waitMs = options.timings.absentAfterMs - (authorise?.msSinceLastCall ?? 0);
      return {
        call: async () => {
          const answer = await giveBack(provider, order);
          return (settleTx, current) => settle(settleTx, current, answer, waitMs, options);
        },
      };
    },
  };
}

async function giveBack(provider: PaymentProvider, order: SagaOrder): Promise<Answer> {
  const found = await provider.find({ authoriseKey: providerKey(order.orderId, 'authorise') });
  if (found.outcome !== 'done') return { end: 'open', ...delay(found) };
  if (found.value === null) return { end: 'absent' };
  const { status, providerReference, declineCode, authorisedMinor } = found.value;
  switch (status) {
    case 'declined':
      return { end: 'declined', declineCode };
    case 'voided':
      return { end: 'voided', providerReference, authorisedMinor };
    case 'captured':
    case 'refunded':
      return { end: 'captured' };
    case 'authorised': {
      const voided = await provider.void({ key: providerKey(order.orderId, 'void'), providerReference });
      if (voided.outcome === 'done') return { end: 'voided', providerReference, authorisedMinor };
      return { end: 'open', ...delay(voided) };
    }
    default:
      return never(status, 'give an authorisation back');
  }
}

function delay(outcome: { reason: string; retryAfterMs?: number }): { reason: string; retryAfterMs?: number } {
  return outcome.retryAfterMs === undefined
    ? { reason: outcome.reason }
    : { reason: outcome.reason, retryAfterMs: outcome.retryAfterMs };
}

async function settle(
  tx: Transaction,
  order: SagaOrder,
  answer: Answer,
  waitMs: number,
  options: PaymentsOptions & { newId: NewId },
): Promise<UndoOutcome> {
  const { orderId, payment } = order;
  const isOpen = answer.end === 'open' || (answer.end === 'absent' && waitMs > 0) || answer.end === 'captured';
  const reason = answer.end === 'open' ? answer.reason : null;
  await recordOutcome(tx, { orderId, kind: 'void', outcome: isOpen ? 'retryable' : 'done', reason });
  switch (answer.end) {
    case 'voided': {
      const { providerReference, authorisedMinor } = answer;
      await movePayment(tx, { orderId, status: 'voided', checkInMs: null, providerReference, authorisedMinor });
      const data = { provider: payment.provider, provider_reference: providerReference };
      return { outcome: 'done', detail: `voided ${providerReference}`, events: [{ type: 'PaymentVoided', data }] };
    }
    case 'declined':
      await movePayment(tx, { orderId, status: 'declined', checkInMs: null, declineCode: answer.declineCode });
      return { outcome: 'done', detail: 'asked: it was declined' };
    case 'absent':
      if (waitMs > 0) return again('the provider does not know the payment yet', waitMs);
      await movePayment(tx, { orderId, status: 'abandoned', checkInMs: null });
      await lookAgainLater(tx, order, options);
      return { outcome: 'done', detail: 'asked: the provider never saw it' };
    case 'captured':
      return again('the provider has captured the payment: it must be refunded by a person', undefined);
    case 'open':
      return again(answer.reason, answer.retryAfterMs);
    default:
      return never(answer, 'settle a void');
  }
}

async function lookAgainLater(
  tx: Transaction,
  order: SagaOrder,
  options: PaymentsOptions & { newId: NewId },
): Promise<void> {
  await enqueue(tx, [
    {
      messageId: options.newId(),
      type: 'check-payment',
      merchantId: order.merchantId,
      orderId: order.orderId,
      idempotencyKey: order.orderId,
      payload: {},
      traceparent: order.traceparent,
      delayMs: options.timings.lookAgainAfterMs,
    },
  ]);
}
