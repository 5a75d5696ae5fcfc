import type { Message } from '../messaging/message.ts';
import { enqueue, hasten, settleOrRetry } from '../messaging/messages.sql.ts';
import type { Handler } from '../messaging/worker.run.ts';
import type { RunnerOptions } from '../sagas/runner.run.ts';
import { applyChange, lockOrder, type SagaOrder } from '../sagas/saga.sql.ts';
import type { SagaChange, StepState } from '../sagas/saga.ts';
import { present } from '../shared/assert.ts';
import { Retry } from '../shared/failure.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { type PaymentsOptions, providerOf } from './authorise.run.ts';
import { type Payment, providerKey } from './payment.ts';
import { movePayment } from './payments.sql.ts';
import type { Authorisation } from './provider.ts';

const consumer = 'payments';
type Options = RunnerOptions & PaymentsOptions;

/**
 * Compares a payment with the provider's word, because a webhook hinted at news or time has passed. While the saga
 * waits for the authorisation, its own message is hastened. Money that arrives after the order went back is given
 * back.
 */
export function checkPayment(options: Options): Handler {
  return {
    async handle(message) {
      const orderId = present(message.orderId, 'the order of a payment check');
      const order = await options.database.transaction(async (tx) => {
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
      await options.database.transaction(async (tx) => {
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
  options: Options,
  order: SagaOrder,
  found: Authorisation | null,
): Promise<void> {
  const ours = order.payment.status;
  const isLateMoney = found?.status === 'authorised' && ['declined', 'abandoned', 'voided'].includes(ours);
  const isLostMoney =
    ours === 'authorised' && (found === null || found.status === 'declined' || found.status === 'voided');
  if (isLateMoney) return await sendBack(tx, options, order, found);
  if (isLostMoney) {
    const theirs = found === null ? 'nothing under our key' : found.status;
    await write(tx, options, order, {
      ...nothing,
      audit: [{ action: 'payment differs from the provider', detail: `ours authorised, theirs ${theirs}` }],
      inbox: [{ kind: 'late_money', reason: `the payment is authorised here, but the provider says: ${theirs}` }],
    });
  }
}

async function sendBack(tx: Transaction, options: Options, order: SagaOrder, found: Authorisation): Promise<void> {
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

async function write(tx: Transaction, options: Options, order: SagaOrder, change: SagaChange): Promise<void> {
  await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
}

/**
 * Gives back an authorisation that stands at the provider beside the one we know: the provider acted twice under one
 * key. Its reference comes from a webhook, so the provider's own word decides whether there is anything to void. A
 * webhook may come before the answer to our call: until that is known, nobody knows which of two is the second one.
 */
export function voidStray(options: Options): Handler {
  return {
    async handle(message: Message) {
      const orderId = present(message.orderId, 'the order of a stray authorisation');
      const { providerReference } = message.payload as { providerReference: string };
      const order = await options.database.transaction(async (tx) => {
        const locked = present(await lockOrder(tx, orderId, message.traceparent), 'the order');
        const isStray = locked.payment.providerReference !== providerReference && !awaitsAnswer(locked.payment);
        if (isStray) return locked;
        await settleOrRetry(tx, message, consumer);
        if (awaitsAnswer(locked.payment)) {
          await enqueueStray(tx, options, locked, providerReference, message.traceparent, options.timings.checkAfterMs);
        }
        return null;
      });
      if (order === null) return;
      const voided = await providerOf(options, order.payment.provider).void({
        key: `${orderId}-void-${providerReference}`.slice(0, 255),
        providerReference,
      });
      if (voided.outcome !== 'done' && voided.outcome !== 'refused') throw new Retry(voided.reason);
      await options.database.transaction(async (tx) => {
        const current = present(await lockOrder(tx, orderId, message.traceparent), 'the order');
        const detail = voided.outcome === 'done' ? providerReference : `${providerReference}: ${voided.reason}`;
        const inbox =
          voided.outcome === 'done' ? [] : [{ kind: 'late_money' as const, reason: `stray authorisation ${detail}` }];
        await write(tx, options, current, {
          ...nothing,
          audit: [{ action: 'stray authorisation voided', detail }],
          inbox,
        });
        await settleOrRetry(tx, message, consumer);
      });
    },
    async onDead(tx, message, reason) {
      const order = await lockOrder(tx, present(message.orderId, 'the order of a stray authorisation'), null);
      if (order === null) return;
      const { providerReference } = message.payload as { providerReference: string };
      const told = `a second authorisation ${providerReference} is still live: ${reason}`;
      await write(tx, options, order, {
        ...nothing,
        audit: [{ action: 'stray authorisation not voided', detail: told }],
        inbox: [{ kind: 'late_money', reason: told }],
      });
    },
  };
}

/** Whether our own call may still bring a reference. */
function awaitsAnswer(payment: Payment): boolean {
  return (
    payment.providerReference === null && ['intended', 'authorising', 'unknown', 'voiding'].includes(payment.status)
  );
}

/** A webhook that comes before the answer to our call is the usual one of our own authorisation: the answer is near. */
const answerIsNearMs = 1_000;

/** Sends for an authorisation under our key that is not the one we know, or may be another than the one to come. */
export async function sendForStray(
  tx: Transaction,
  options: Pick<Options, 'newId'>,
  order: { orderId: string; merchantId: string },
  providerReference: string,
  traceparent: string | null,
  isBeforeOurAnswer: boolean,
): Promise<void> {
  await enqueueStray(tx, options, order, providerReference, traceparent, isBeforeOurAnswer ? answerIsNearMs : 0);
}

async function enqueueStray(
  tx: Transaction,
  options: Pick<Options, 'newId'>,
  order: { orderId: string; merchantId: string },
  providerReference: string,
  traceparent: string | null,
  delayMs: number,
): Promise<void> {
  await enqueue(tx, [
    {
      messageId: options.newId(),
      type: 'void-stray-authorisation',
      merchantId: order.merchantId,
      orderId: order.orderId,
      idempotencyKey: `${order.orderId}:${providerReference}`.slice(0, 255),
      payload: { providerReference },
      traceparent,
      delayMs,
    },
  ]);
}

/**
 * Sends for a check of the order's payment. Each hint has a message of its own: one that waits for a check in hand
 * would be lost if that check asked the provider just before the news.
 */
export async function sendForCheck(
  tx: Transaction,
  options: Pick<Options, 'newId'>,
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
