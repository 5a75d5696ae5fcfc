import { enqueue, hasten, settleOrRetry } from '../messaging/messages.sql.ts';
import type { Handler } from '../messaging/worker.run.ts';
import { applyChange } from '../sagas/change.sql.ts';
import type { RunnerOptions } from '../sagas/runner.run.ts';
import { lockOrder, type SagaOrder } from '../sagas/saga.sql.ts';
import type { SagaChange, StepState } from '../sagas/saga.ts';
import { never, present } from '../shared/assert.ts';
import { Retry } from '../shared/failure.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { cohortLimits, createCohort } from '../shared/postgres/cohort.ts';
import { type PaymentsOptions, providerOf } from './authorise.run.ts';
import { decideCheck, type FoundAuthorisations } from './decide.ts';
import { providerKey } from './payment.ts';
import { movePayment } from './payments.sql.ts';
import type { Authorisation } from './provider.ts';
import { strayMessage } from './stray.ts';

const consumer = 'payments';
/** What the checks of a payment need. */
export type PaymentsRunOptions = RunnerOptions & PaymentsOptions;

/**
 * Compares a payment with the provider's word, because a webhook hinted at news or time has passed. While the saga
 * waits for the authorisation, its own message is hastened. Money that arrives after the order went back is given
 * back.
 */
export function checkPayment(options: PaymentsRunOptions): Handler {
  const cohort = createCohort({ database: options.database, ...cohortLimits });
  return {
    async handle(message) {
      const orderId = present(message.orderId, 'the order of a payment check');
      const order = await cohort.transaction(orderId, async (tx) => {
        const locked = await lockOrder(tx, orderId, message.traceparent);
        if (locked !== null && !(await isTheSagasOwn(tx, locked))) return locked;
        await settleOrRetry(tx, message, consumer);
        return null;
      });
      if (order === null) return options.waker.wake(['payments']);
      const found = await providerOf(options, order.payment.provider).find({
        authoriseKey: providerKey(orderId, 'authorise'),
      });
      if (found.outcome !== 'done') throw new Retry(found.reason, { retryAfterMs: retryAfterOf(found) });
      await cohort.transaction(orderId, async (tx) => {
        const current = present(await lockOrder(tx, orderId, message.traceparent), 'the order');
        await compare(tx, options, current, found.value);
        await settleOrRetry(tx, message, consumer);
      });
      options.waker.wake(['payments']);
    },
  };
}

function retryAfterOf(outcome: { retryAfterMs?: number } | object): number | undefined {
  return 'retryAfterMs' in outcome ? outcome.retryAfterMs : undefined;
}

/** Whether a message of the saga will ask the provider anyway; then it is made due now. */
async function isTheSagasOwn(tx: Transaction, order: SagaOrder): Promise<boolean> {
  const { status } = order.payment;
  if (order.saga.status === 'running' && (status === 'authorising' || status === 'unknown' || status === 'intended')) {
    await hasten(tx, 'authorise-payment', order.orderId);
    return true;
  }
  if (status === 'voiding') {
    await hasten(tx, 'void-authorisation', order.orderId);
    return true;
  }
  return false;
}

async function compare(
  tx: Transaction,
  options: PaymentsRunOptions,
  order: SagaOrder,
  found: FoundAuthorisations,
): Promise<void> {
  const decided = decideCheck(order.payment, found);
  switch (decided.check) {
    case 'agrees':
      return;
    case 'send-back':
      return await sendBack(tx, options, order, decided.found);
    case 'strays':
      return await enqueue(
        tx,
        decided.references.map((reference) => strayMessage(options, order, reference, 0)),
      );
    case 'lost':
      return await write(tx, options, order, {
        ...nothing,
        audit: [{ action: 'payment differs from the provider', detail: `ours authorised, theirs ${decided.theirs}` }],
        inbox: [
          { kind: 'late_money', reason: `the payment is authorised here, but the provider says: ${decided.theirs}` },
        ],
      });
    default:
      return never(decided, 'a comparison with the provider');
  }
}

async function sendBack(
  tx: Transaction,
  options: PaymentsRunOptions,
  order: SagaOrder,
  found: Authorisation,
): Promise<void> {
  await movePayment(tx, {
    orderId: order.orderId,
    status: 'voiding',
    checkInMs: options.timings.checkAfterMs,
    providerReference: found.providerReference,
    authorisedMinor: found.authorisedMinor,
  });
  const known = present(order.saga.steps.get('authorise-payment'), 'the authorisation step of a paid order');
  const step: StepState = { ...known, undo: 'registered' };
  await write(tx, options, order, {
    ...nothing,
    steps: [step],
    send: ['void-authorisation'],
    audit: [{ action: 'money came late, sent back', detail: found.providerReference }],
  });
}

const nothing: SagaChange = { steps: [], send: [], events: [], audit: [], inbox: [] };

async function write(
  tx: Transaction,
  options: PaymentsRunOptions,
  order: SagaOrder,
  change: SagaChange,
): Promise<void> {
  await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
}

/**
 * Sends for a check of the order's payment. Each hint has a message of its own: one that waits for a check in hand
 * would be lost if that check asked the provider just before the news.
 */
export async function sendForCheck(
  tx: Transaction,
  options: Pick<PaymentsRunOptions, 'newId'>,
  order: { orderId: string; merchantId: string },
  hint: string,
  traceparent: string | null,
): Promise<void> {
  await enqueue(tx, [
    {
      messageId: options.newId(),
      type: 'check-payment',
      merchantId: order.merchantId,
      orderId: order.orderId,
      idempotencyKey: `${order.orderId}:${hint}`.slice(0, 255),
      payload: {},
      traceparent,
    },
  ]);
}
