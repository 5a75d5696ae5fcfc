import type { Queryable, SetStatement, Transaction } from '../shared/postgres/client.ts';

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

type EventKey = { readonly provider: string; readonly eventId: string };

/** The body of a stored webhook; null if there is none. */
export async function readWebhook(tx: Transaction, provider: string, eventId: string): Promise<unknown> {
  return await tx.each(readWebhooks, { provider, eventId });
}

const readWebhooks: SetStatement<EventKey, unknown> = async (db, keys) => {
  const rows = await db.query<EventKey & { body: unknown }>({
    name: 'read_webhooks',
    text: `
      select w.provider, w.event_id as "eventId", w.body
      from unnest($1::text[], $2::text[]) as wanted(provider, event_id)
      join webhooks_received w on w.provider = wanted.provider and w.event_id = wanted.event_id
      limit 1000`,
    values: [keys.map(({ provider }) => provider), keys.map(({ eventId }) => eventId)],
  });
  const bodies = new Map(rows.map(({ provider, eventId, body }) => [`${provider} ${eventId}`, body]));
  return keys.map(({ provider, eventId }) => bodies.get(`${provider} ${eventId}`) ?? null);
};

export async function markWebhookHandled(tx: Transaction, provider: string, eventId: string): Promise<void> {
  await tx.each(markHandled, { provider, eventId });
}

const markHandled: SetStatement<EventKey, void> = async (db, keys) => {
  await db.execute({
    name: 'mark_webhooks_handled',
    text: `
      update webhooks_received w set handled_at = now()
      from unnest($1::text[], $2::text[]) as handled(provider, event_id)
      where w.provider = handled.provider and w.event_id = handled.event_id`,
    values: [keys.map(({ provider }) => provider), keys.map(({ eventId }) => eventId)],
  });
  return keys.map(() => undefined);
};

export type PaymentRef = { orderId: string; merchantId: string; status: string; providerReference: string | null };
type Reference = { readonly provider: string; readonly paymentId: string };

/** The payments that references of ours name, each if it is one of its provider. */
export const paymentsByReference: SetStatement<Reference, PaymentRef | null> = async (db, references) => {
  const rows = await db.query<PaymentRef & Reference>({
    name: 'payments_by_reference',
    text: `
      select p.provider, p.payment_id as "paymentId", p.order_id as "orderId", p.merchant_id as "merchantId", p.status,
             p.provider_reference as "providerReference"
      from unnest($1::text[], $2::uuid[]) as wanted(provider, payment_id)
      join payments p on p.payment_id = wanted.payment_id and p.provider = wanted.provider
      limit 1000`,
    values: [references.map(({ provider }) => provider), references.map(({ paymentId }) => paymentId)],
  });
  const byId = new Map(rows.map(({ provider, paymentId, ...ref }) => [`${provider} ${paymentId}`, ref]));
  return references.map(({ provider, paymentId }) => byId.get(`${provider} ${paymentId}`) ?? null);
};

/** The merchant in whose name an unknown reference is stored: the first one, as there is nobody else to ask. */
export async function merchantOfProvider(db: Queryable): Promise<string | null> {
  const rows = await db.query<{ merchantId: string }>({
    name: 'first_merchant',
    text: 'select merchant_id as "merchantId" from merchants order by created_at, merchant_id limit 1',
  });
  return rows[0]?.merchantId ?? null;
}
