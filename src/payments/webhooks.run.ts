import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Message } from '../messaging/message.ts';
import { enqueue, settleOrRetry } from '../messaging/messages.sql.ts';
import type { Waker } from '../messaging/waker.ts';
import type { Handler } from '../messaging/worker.run.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import { isUuid, type NewId } from '../shared/ids.ts';
import type { Database, Queryable, Transaction } from '../shared/postgres/client.ts';
import { cohortLimits, createCohort } from '../shared/postgres/cohort.ts';
import { sendForCheck } from './check.run.ts';
import { decideHint } from './decide.ts';
import { strayMessage } from './stray.ts';
import {
  markWebhookHandled,
  merchantOfProvider,
  type PaymentRef,
  paymentsByReference,
  readWebhook,
  storeWebhook,
} from './webhooks.sql.ts';

/** What every provider's event is read as. Unknown fields are allowed: providers add them at any time. */
export const providerEvent = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 255 }),
  type: Type.String({ minLength: 1, maxLength: 64 }),
  data: Type.Object({
    id: Type.String({ minLength: 1, maxLength: 255, description: 'The provider reference of the authorisation' }),
    reference: Type.String({ minLength: 1, maxLength: 255, description: 'Our payment id' }),
  }),
});

export type WebhookOptions = { readonly database: Database; readonly newId: NewId; readonly waker: Waker };

/**
 * Takes a webhook whose signature is verified: stores it and sends for its handling, in one transaction, and only then
 * lets it be acknowledged. Nothing is thought about here.
 */
export async function receiveWebhook(
  options: WebhookOptions,
  webhook: { provider: string; eventId: string; body: unknown; traceparent: string | null },
): Promise<Refused | null> {
  if (!Value.Check(providerEvent, webhook.body)) {
    const error = Value.Errors(providerEvent, webhook.body).First();
    return refuse('input_invalid', `The event does not have its form: ${error?.message ?? ''}.`, {
      path: `$${(error?.path ?? '').replaceAll('/', '.')}`,
    });
  }
  const { id, type, data } = webhook.body;
  const { reference } = data;
  // What is never read is never kept: providers' events carry tokens, names and addresses.
  const body = { id, type, data: { id: data.id, reference } };
  const payment = await paymentOf(options.database, webhook.provider, reference);
  const merchantId = payment?.merchantId ?? (await merchantOfProvider(options.database));
  if (merchantId === null) return refuse('not_found', 'There is no merchant yet.');
  await options.database.transaction(async (tx) => {
    const isNew = await storeWebhook(tx, { ...webhook, body, merchantId });
    if (!isNew) return;
    await enqueue(tx, [
      {
        messageId: options.newId(),
        type: 'handle-webhook',
        merchantId,
        orderId: payment?.orderId ?? null,
        idempotencyKey: `${webhook.provider}:${webhook.eventId}`.slice(0, 255),
        payload: { provider: webhook.provider, eventId: webhook.eventId },
        traceparent: webhook.traceparent,
      },
    ]);
  });
  options.waker.wake(['webhooks']);
  return null;
}

async function paymentOf(db: Queryable, provider: string, reference: string): Promise<PaymentRef | null> {
  if (!isUuid(reference)) return null;
  return (await paymentsByReference(db, [{ provider, paymentId: reference }]))[0] ?? null;
}

/**
 * Handles a stored webhook. It is a hint, never evidence: webhooks come in any order, twice, late or not at all, so the
 * provider is asked for what is true now. A webhook about something unknown is kept and left.
 */
export function handleWebhook(options: WebhookOptions): Handler {
  const cohort = createCohort({ database: options.database, ...cohortLimits });
  return {
    async handle(message: Message) {
      const { provider, eventId } = message.payload as { provider: string; eventId: string };
      await cohort.transaction(`${provider} ${eventId}`, async (tx) => {
        const body = await readWebhook(tx, provider, eventId);
        const event = Value.Check(providerEvent, body) ? body : null;
        const reference = event?.data.reference ?? '';
        const payment = isUuid(reference)
          ? await tx.each(paymentsByReference, { provider, paymentId: reference })
          : null;
        if (event !== null && payment !== null) await follow(tx, options, event, eventId, payment, message.traceparent);
        await markWebhookHandled(tx, provider, eventId);
        await settleOrRetry(tx, message, 'webhooks');
      });
      options.waker.wake(['payments']);
    },
  };
}

/** A webhook that comes before the answer to our call is the usual one of our own authorisation: the answer is near. */
const answerIsNearMs = 1_000;

async function follow(
  tx: Transaction,
  options: WebhookOptions,
  event: Static<typeof providerEvent>,
  eventId: string,
  payment: PaymentRef,
  traceparent: string | null,
): Promise<void> {
  const hint = decideHint({ type: event.type, providerReference: event.data.id }, payment);
  if (hint.mayBeStray) {
    const delayMs = payment.providerReference === null ? answerIsNearMs : 0;
    await enqueue(tx, [strayMessage(options, { ...payment, traceparent }, event.data.id, delayMs)]);
  }
  if (hint.asks) await sendForCheck(tx, options, payment, eventId, traceparent);
}
