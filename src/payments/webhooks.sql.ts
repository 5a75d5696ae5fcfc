import type { Queryable, Transaction } from '../shared/postgres/client.ts';

/**
 * Stores a webhook before anything is done with it. The provider's event id is kept for ever; a repetition is counted
 * and stored once. Gives true the first time.
 */
export async function storeWebhook(
  tx: Transaction,
  webhook: { provider: string; eventId: string; merchantId: string; body: unknown },
): Promise<boolean> {
  const rows = await tx.query<{ deliveries: number }>({
    name: 'store_webhook',
    text: `
      insert into webhooks_received (provider, event_id, merchant_id, body) values ($1, $2, $3, $4)
      on conflict (provider, event_id) do update set deliveries = webhooks_received.deliveries + 1
      returning deliveries`,
    values: [webhook.provider, webhook.eventId, webhook.merchantId, JSON.stringify(webhook.body)],
  });
  return rows[0]?.deliveries === 1;
}

export async function readWebhook(db: Queryable, provider: string, eventId: string): Promise<unknown> {
  const rows = await db.query<{ body: unknown }>({
    name: 'read_webhook',
    text: 'select body from webhooks_received where provider = $1 and event_id = $2',
    values: [provider, eventId],
  });
  return rows[0]?.body ?? null;
}

export async function markWebhookHandled(tx: Transaction, provider: string, eventId: string): Promise<void> {
  await tx.execute({
    name: 'mark_webhook_handled',
    text: 'update webhooks_received set handled_at = now() where provider = $1 and event_id = $2',
    values: [provider, eventId],
  });
}

export type PaymentRef = { orderId: string; merchantId: string; status: string; providerReference: string | null };

/** The payment that a provider's reference of ours names, if it is one of this provider. */
export async function paymentByReference(
  db: Queryable,
  provider: string,
  paymentId: string,
): Promise<PaymentRef | null> {
  const rows = await db.query<PaymentRef>({
    name: 'payment_by_reference',
    text: `
      select order_id as "orderId", merchant_id as "merchantId", status, provider_reference as "providerReference"
      from payments where payment_id = $2 and provider = $1`,
    values: [provider, paymentId],
  });
  return rows[0] ?? null;
}

/** The merchant in whose name an unknown reference is stored: the first one, as there is nobody else to ask. */
export async function merchantOfProvider(db: Queryable): Promise<string | null> {
  const rows = await db.query<{ merchantId: string }>({
    name: 'first_merchant',
    text: 'select merchant_id as "merchantId" from merchants order by created_at, merchant_id limit 1',
  });
  return rows[0]?.merchantId ?? null;
}
