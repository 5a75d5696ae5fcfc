import type { SagaOrder } from '../sagas/saga.sql.ts';
import type { StepOutcome } from '../sagas/saga.ts';
import type { StepHandler } from '../sagas/steps.ts';
import { assert, never, present } from '../shared/assert.ts';
import { money } from '../shared/money.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import type { Secret } from '../shared/secret.ts';
import { providerKey } from './payment.ts';
import { intend, movePayment, recordOutcome, tokenOf } from './payments.sql.ts';
import type { Authorisation, PaymentProvider, ProviderOutcome } from './provider.ts';
import type { PaymentTimings } from './timings.ts';

export type PaymentsOptions = {
  /** By the name that a payment carries. */
  readonly providers: ReadonlyMap<string, PaymentProvider>;
  readonly timings: PaymentTimings;
};

type Answer = ProviderOutcome<Authorisation>;

/**
 * The step `authorise-payment`. The intent is committed before the call. If a call was made before, and its end is
 * not known, the provider is asked what became of it; only when it never saw our key is the call made again, under
 * that key.
 */
export function authoriseStep(options: PaymentsOptions): StepHandler {
  return {
    async begin(tx, order) {
      const { payment } = order;
      const provider = providerOf(options, payment.provider);
      if (payment.status === 'authorised') return { now: { outcome: 'done', detail: 'authorised before' } };
      if (payment.status === 'declined') return { now: declined(payment.declineCode) };
      const mayHaveActed = payment.status !== 'intended';
      const token = present(await tokenOf(tx, order.orderId), 'the payment token');
      await intend(tx, {
        orderId: order.orderId,
        paymentId: payment.paymentId,
        merchantId: order.merchantId,
        kind: 'authorise',
        providerKey: providerKey(order.orderId, 'authorise'),
        amountMinor: payment.amountMinor,
      });
      const status = payment.status === 'unknown' ? 'unknown' : 'authorising';
      await movePayment(tx, { orderId: order.orderId, status, checkInMs: options.timings.checkAfterMs });
      return {
        call: async () => {
          const answer = await ask(provider, order, token, mayHaveActed);
          return (settleTx, current) => settle(settleTx, current, answer, options.timings);
        },
      };
    },
  };
}

export function providerOf(options: PaymentsOptions, name: string): PaymentProvider {
  return present(options.providers.get(name), `the payment provider ${name}`);
}

async function ask(provider: PaymentProvider, order: SagaOrder, token: Secret, mayHaveActed: boolean): Promise<Answer> {
  const key = providerKey(order.orderId, 'authorise');
  if (mayHaveActed) {
    const found = await provider.find({ authoriseKey: key });
    if (found.outcome === 'done' && found.value !== null) return asAnswer(found.value);
    // A refused question says nothing about the payment, so the answer stays unknown.
    if (found.outcome !== 'done') return { outcome: 'unknown', reason: `asked: ${found.reason}` };
  }
  const amount = money(order.payment.amountMinor, order.currency);
  const answer = await provider.authorise({ key, amount, token, reference: order.payment.paymentId });
  return answer.outcome === 'done' ? asAnswer(answer.value) : answer;
}

function asAnswer(found: Authorisation): Answer {
  if (found.status !== 'declined') return { outcome: 'done', value: found };
  return { outcome: 'refused', code: found.declineCode ?? 'declined', reason: 'the provider declined' };
}

async function settle(
  tx: Transaction,
  order: SagaOrder,
  answer: Answer,
  timings: PaymentTimings,
): Promise<StepOutcome> {
  const { orderId } = order;
  const reason = answer.outcome === 'done' ? null : answer.reason;
  await recordOutcome(tx, { orderId, kind: 'authorise', outcome: answer.outcome, reason });
  // While or after the saga went back, the payment belongs to the undo: the step only notes that there is money to
  // void.
  const isGoingBack = order.saga.status !== 'running';
  switch (answer.outcome) {
    case 'done':
      return await authorised(tx, order, answer.value, isGoingBack, timings);
    case 'refused':
      if (!isGoingBack)
        await movePayment(tx, { orderId, status: 'declined', checkInMs: null, declineCode: answer.code });
      return declined(answer.code, order.payment.provider);
    case 'unknown':
      if (!isGoingBack) await movePayment(tx, { orderId, status: 'unknown', checkInMs: timings.checkAfterMs });
      return { outcome: 'again', reason: `the outcome is unknown: ${answer.reason}` };
    case 'retryable':
    case 'could-not-post':
      return again(answer.reason, answer.retryAfterMs);
    default:
      return never(answer, 'settle an authorisation');
  }
}

async function authorised(
  tx: Transaction,
  order: SagaOrder,
  found: Authorisation,
  isGoingBack: boolean,
  timings: PaymentTimings,
): Promise<StepOutcome> {
  const { orderId, payment, currency } = order;
  // Never more than the buyer agreed to, in the agreed currency (promises 2 and 8); anything else is a provider's bug.
  assert(found.authorisedMinor === payment.amountMinor, 'the provider authorised the amount of the order');
  assert(found.currency === currency, 'the provider authorised in the currency of the order');
  await movePayment(tx, {
    orderId,
    status: isGoingBack ? 'voiding' : 'authorised',
    checkInMs: isGoingBack ? timings.checkAfterMs : null,
    authorisedMinor: found.authorisedMinor,
    providerReference: found.providerReference,
  });
  const data = {
    provider: payment.provider,
    provider_reference: found.providerReference,
    authorised: { amount_minor: Number(found.authorisedMinor), currency },
  };
  return {
    outcome: 'done',
    detail: `authorised as ${found.providerReference}`,
    events: [{ type: 'PaymentAuthorized', data }],
  };
}

function declined(declineCode: string | null, provider?: string): StepOutcome {
  const code = declineCode ?? 'declined';
  const events =
    provider === undefined
      ? []
      : [{ type: 'PaymentDeclined' as const, data: { provider, decline_code: code.slice(0, 255) } }];
  return { outcome: 'refused', code: 'payment_failed', detail: `declined: ${code}`, events };
}

export function again(
  reason: string,
  retryAfterMs: number | undefined,
): { outcome: 'again'; reason: string; retryAfterMs?: number } {
  return retryAfterMs === undefined ? { outcome: 'again', reason } : { outcome: 'again', reason, retryAfterMs };
}
