import type { OrderStatus } from '../orders/order.ts';
import { currencyOf } from '../shared/money.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import type { OpenCheckout } from './commit.ts';
import type { Notice } from './desk.ts';
import type { Quote, QuoteContent } from './quote.ts';
import { quoteFromJson, quoteToJson, type StoredQuoteContent } from './quote-json.ts';

/** What is answered under a key here; a complete's key is the commit's. */
export type KeyedOperation = 'create' | 'update' | 'cancel';

/** A checkout with its current quote and the order of its latest commit. */
export type CheckoutRow = OpenCheckout & { readonly expiresAt: Date };

type Row = {
  checkoutId: string;
  merchantId: string;
  callerId: string;
  status: OpenCheckout['status'];
  isExpired: boolean;
  expiresAt: Date;
  version: number;
  currency: string;
  content: StoredQuoteContent;
  orderId: string | null;
  orderStatus: OrderStatus | null;
  cancelCode: string | null;
};

/** The checkouts with the ids, of whatever merchant and caller: whoever asks compares both. */
export async function readCheckouts(db: Queryable, checkoutIds: readonly string[]): Promise<CheckoutRow[]> {
  const rows = await db.query<Row>({
    name: 'read_checkouts',
    text: `
      select c.checkout_id as "checkoutId", c.merchant_id as "merchantId", c.caller_id as "callerId", c.status,
             c.expires_at <= now() as "isExpired", c.expires_at as "expiresAt", q.version, q.currency, q.content,
             o.order_id as "orderId", o.status as "orderStatus", o.cancel_code as "cancelCode"
      from checkouts c
      join quotes q on q.checkout_id = c.checkout_id and q.version = c.quote_version
      left join orders o on o.order_id = c.order_id
      where c.checkout_id = any($1::uuid[])
      limit 1000`,
    values: [checkoutIds],
  });
  return rows.map(toCheckout);
}

function toCheckout(row: Row): CheckoutRow {
  return {
    checkoutId: row.checkoutId,
    merchantId: row.merchantId,
    callerId: row.callerId,
    status: row.status,
    isExpired: row.isExpired,
    expiresAt: row.expiresAt,
    quote: { version: row.version, currency: currencyOf(row.currency), content: quoteFromJson(row.content) },
    order:
      row.orderId === null || row.orderStatus === null
        ? null
        : { orderId: row.orderId, status: row.orderStatus, cancelCode: row.cancelCode as RefusalCode | null },
  };
}

/** One version of a checkout's quote: immutable, so it reads the same for ever. */
export async function readQuote(db: Queryable, checkoutId: string, version: number): Promise<Quote | null> {
  const rows = await db.query<{ version: number; currency: string; content: StoredQuoteContent }>({
    name: 'read_quote',
    text: 'select version, currency, content from quotes where checkout_id = $1 and version = $2',
    values: [checkoutId, version],
  });
  const row = rows[0];
  return row === undefined
    ? null
    : { version: row.version, currency: currencyOf(row.currency), content: quoteFromJson(row.content) };
}

/** Locks one checkout until the transaction ends. */
export async function lockCheckout(tx: Transaction, checkoutId: string): Promise<void> {
  await tx.query({
    name: 'lock_checkout',
    text: 'select 1 from checkouts where checkout_id = $1 for update',
    values: [checkoutId],
  });
}

export async function insertCheckout(
  tx: Transaction,
  checkout: {
    checkoutId: string;
    merchantId: string;
    callerId: string;
    currency: string;
    content: QuoteContent;
    lifeMs: number;
  },
): Promise<void> {
  await tx.execute({
    name: 'insert_checkout',
    text: `
      with opened as (
        insert into checkouts (checkout_id, merchant_id, caller_id, status, quote_version, expires_at)
        values ($1, $2, $3, 'open', 1, now() + $7::bigint * interval '1 millisecond')
      )
      insert into quotes (checkout_id, version, merchant_id, currency, total_minor, content)
      values ($1, 1, $2, $4, $5, $6)`,
    values: [
      checkout.checkoutId,
      checkout.merchantId,
      checkout.callerId,
      checkout.currency,
      checkout.content.totalMinor,
      quoteToJson(checkout.content),
      checkout.lifeMs,
    ],
  });
}

/** Gives a locked checkout a new quote version, and opens it again if its last order ended. */
export async function insertQuote(
  tx: Transaction,
  quote: { checkoutId: string; merchantId: string; version: number; currency: string; content: QuoteContent },
): Promise<void> {
  await tx.execute({
    name: 'insert_quote',
    text: `
      with added as (
        insert into quotes (checkout_id, version, merchant_id, currency, total_minor, content)
        values ($1, $2, $3, $4, $5, $6)
      )
      update checkouts set quote_version = $2, status = 'open', order_id = null, updated_at = now()
      where checkout_id = $1`,
    values: [
      quote.checkoutId,
      quote.version,
      quote.merchantId,
      quote.currency,
      quote.content.totalMinor,
      quoteToJson(quote.content),
    ],
  });
}

export async function cancelCheckout(tx: Transaction, checkoutId: string): Promise<void> {
  await tx.execute({
    name: 'cancel_checkout',
    text: `update checkouts set status = 'cancelled', order_id = null, updated_at = now() where checkout_id = $1`,
    values: [checkoutId],
  });
}

/** The answer to a keyed operation: which version was written, and what the buyer was told with it. */
export type KeptAnswer = {
  readonly requestSha256: Uint8Array;
  readonly checkoutId: string;
  readonly version: number;
  readonly notices: readonly Notice[];
};

/** What a caller's key of an operation has been answered with. */
export async function readKey(
  db: Queryable,
  key: { merchantId: string; callerId: string; operation: KeyedOperation; idempotencyKey: string },
): Promise<KeptAnswer | null> {
  const rows = await db.query<KeptAnswer>({
    name: 'read_commit_key',
    text: `
      select request_sha256 as "requestSha256", checkout_id as "checkoutId",
             (outcome ->> 'version')::integer as version, coalesce(outcome -> 'notices', '[]') as notices
      from commit_keys
      where merchant_id = $1 and caller_id = $2 and operation = $3 and idempotency_key = $4`,
    values: [key.merchantId, key.callerId, key.operation, key.idempotencyKey],
  });
  return rows[0] ?? null;
}

/** Keeps the answer of a create, update or cancel under its key. A complete's key is written by the commit. */
export async function insertKey(
  tx: Transaction,
  key: KeptAnswer & { merchantId: string; callerId: string; operation: KeyedOperation; idempotencyKey: string },
): Promise<void> {
  await tx.execute({
    name: 'insert_commit_key',
    text: `
      insert into commit_keys (merchant_id, caller_id, operation, idempotency_key, request_sha256, checkout_id, outcome)
      values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      key.merchantId,
      key.callerId,
      key.operation,
      key.idempotencyKey,
      Buffer.from(key.requestSha256),
      key.checkoutId,
      JSON.stringify({ outcome: 'written', version: key.version, notices: key.notices }),
    ],
  });
}
