import { enqueue } from '../messaging/messages.sql.ts';
import type { SagaOrder } from '../sagas/saga.sql.ts';
import type { StepOutcome } from '../sagas/saga.ts';
import type { StepHandler } from '../sagas/steps.ts';
import { present } from '../shared/assert.ts';
import type { NewId } from '../shared/ids.ts';
import { money } from '../shared/money.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import type { Secret } from '../shared/secret.ts';
import { afterAuthorise, beginAuthorise, type FoundAuthorisations } from './decide.ts';
import { providerKey } from './payment.ts';
import { intend, movePayment, recordOutcome, tokenOf } from './payments.sql.ts';
import type { PaymentProvider, ProviderOutcome } from './provider.ts';
import { strayMessage } from './stray.ts';
import type { PaymentTimings } from './timings.ts';

export type PaymentsOptions = {
  /** By the name that a payment carries. */
  readonly providers: ReadonlyMap<string, PaymentProvider>;
  readonly timings: PaymentTimings;
  readonly newId: NewId;
};

type Answer = ProviderOutcome<FoundAuthorisations>;

/**
 * The step `authorise-payment`. The intent is committed before the call. If a call was made before, and its end is
 * not known, the provider is asked what became of it; only when it never saw our key is the call made again, under
 * that key.
 */
export function authoriseStep(options: PaymentsOptions): StepHandler {
  return {
    async begin(tx, order) {
      const { payment, orderId } = order;
      const provider = providerOf(options, payment.provider);
      const begun = beginAuthorise(payment, options.timings);
      if (begun.begin === 'answer') return { now: begun.outcome };
      const token = present(await tokenOf(tx, orderId), 'the payment token');
      const calls = await intend(tx, {
        orderId,
        paymentId: payment.paymentId,
        merchantId: order.merchantId,
        kind: 'authorise',
        providerKey: providerKey(orderId, 'authorise'),
        amountMinor: payment.amountMinor,
      });
      await movePayment(tx, { orderId, ...begun.move });
      return {
        call: async () => {
          const answer = await ask(provider, order, token, begun.askFirst);
          return (settleTx, current) => settle(settleTx, options, current, answer, calls);
        },
      };
    },
  };
}

export function providerOf(options: PaymentsOptions, name: string): PaymentProvider {
  return present(options.providers.get(name), `the payment provider ${name}`);
}

async function ask(provider: PaymentProvider, order: SagaOrder, token: Secret, askFirst: boolean): Promise<Answer> {
  const key = providerKey(order.orderId, 'authorise');
  if (askFirst) {
    const found = await provider.find({ authoriseKey: key });
    if (found.outcome === 'done' && found.value.length > 0) return found;
    // A refused question says nothing about the payment, so the answer stays unknown.
    if (found.outcome !== 'done') return { outcome: 'unknown', reason: `asked: ${found.reason}` };
  }
  const amount = money(order.payment.amountMinor, order.currency);
  const answer = await provider.authorise({ key, amount, token, reference: order.payment.paymentId });
  return answer.outcome === 'done' ? { outcome: 'done', value: [answer.value] } : answer;
}

async function settle(
  tx: Transaction,
  options: PaymentsOptions,
  order: SagaOrder,
  answer: Answer,
  calls: number,
): Promise<StepOutcome> {
  const { orderId } = order;
  const reason = answer.outcome === 'done' ? null : answer.reason;
  await recordOutcome(tx, { orderId, kind: 'authorise', outcome: answer.outcome, reason });
  const isGoingBack = order.saga.status !== 'running';
  const settled = afterAuthorise(order.payment, answer, { isGoingBack, calls, timings: options.timings });
  if (settled.move !== null) await movePayment(tx, { orderId, ...settled.move });
  await enqueue(
    tx,
    settled.strays.map((reference) => strayMessage(options, order, reference, 0)),
  );
  if (settled.looksAgain) await lookAgainLater(tx, order, options);
  return settled.outcome;
}

/** Has the provider asked once more, when everything that may have been on its way has arrived. */
export async function lookAgainLater(tx: Transaction, order: SagaOrder, options: PaymentsOptions): Promise<void> {
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
