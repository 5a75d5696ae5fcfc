import type { SagaOrder } from '../sagas/saga.sql.ts';
import type { UndoHandler, UndoOutcome } from '../sagas/steps.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { lookAgainLater, type PaymentsOptions, providerOf } from './authorise.run.ts';
import { afterVoid, beginVoid, decideGiveBack, type VoidEnd } from './decide.ts';
import { providerKey, voidKey } from './payment.ts';
import { attemptOf, intend, movePayment, recordOutcome } from './payments.sql.ts';
import type { PaymentProvider } from './provider.ts';

/**
 * The undo `void-authorisation`. A call that timed out may have acted, so the provider is asked first, and everything
 * that holds the buyer's money under our key is given back: a provider that fails may have authorised twice.
 */
export function voidUndo(options: PaymentsOptions): UndoHandler {
  return {
    async begin(tx, order) {
      const { payment, orderId } = order;
      const begun = beginVoid(payment, options.timings);
      if (begun.begin === 'answer') {
        if (begun.move !== null) await movePayment(tx, { orderId, ...begun.move });
        return { now: begun.outcome };
      }
      const authorise = await attemptOf(tx, orderId, 'authorise');
      await intend(tx, {
        orderId,
        paymentId: payment.paymentId,
        merchantId: order.merchantId,
        kind: 'void',
        providerKey: voidKey(orderId, payment.providerReference),
        amountMinor: payment.amountMinor,
      });
      await movePayment(tx, { orderId, ...begun.move });
      const provider = providerOf(options, payment.provider);
      const waitMs = options.timings.absentAfterMs - (authorise?.msSinceLastCall ?? 0);
      return {
        call: async () => {
          const end = await giveBack(provider, order);
          return (settleTx, current) => settle(settleTx, options, current, end, waitMs);
        },
      };
    },
  };
}

async function giveBack(provider: PaymentProvider, order: SagaOrder): Promise<VoidEnd> {
  const found = await provider.find({ authoriseKey: providerKey(order.orderId, 'authorise') });
  if (found.outcome !== 'done') return { end: 'open', ...delayOf(found) };
  const { live, end } = decideGiveBack(found.value, order.payment.providerReference);
  for (const { providerReference } of live) {
    const voided = await provider.void({ key: voidKey(order.orderId, providerReference), providerReference });
    if (voided.outcome !== 'done') return { end: 'open', ...delayOf(voided) };
  }
  return end;
}

function delayOf(outcome: { reason: string; retryAfterMs?: number }): { reason: string; retryAfterMs?: number } {
  const { reason, retryAfterMs } = outcome;
  return retryAfterMs === undefined ? { reason } : { reason, retryAfterMs };
}

async function settle(
  tx: Transaction,
  options: PaymentsOptions,
  order: SagaOrder,
  end: VoidEnd,
  waitMs: number,
): Promise<UndoOutcome> {
  const { orderId } = order;
  const settled = afterVoid(order.payment, end, waitMs);
  const outcome = settled.outcome.outcome === 'done' ? 'done' : 'retryable';
  await recordOutcome(tx, { orderId, kind: 'void', outcome, reason: end.end === 'open' ? end.reason : null });
  if (settled.move !== null) await movePayment(tx, { orderId, ...settled.move });
  if (settled.looksAgain) await lookAgainLater(tx, order, options);
  return settled.outcome;
}
