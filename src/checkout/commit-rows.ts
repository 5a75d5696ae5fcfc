import { createHash } from 'node:crypto';
import { domainEvents } from '../messaging/events.ts';
import { messageTypes } from '../messaging/queues.ts';
import { firstMessage } from '../sagas/decide.ts';
import { onlineOrder } from '../sagas/online-order.ts';
import { present } from '../shared/assert.ts';
import type { NewId } from '../shared/ids.ts';
import { toWire } from '../shared/money.ts';
import type { CommitRows } from './commit.sql.ts';
import type { CommitRequest, OpenCheckout, StoredOutcome } from './commit.ts';
import { type Quote, selectedDestination } from './quote.ts';
import { quoteToJson } from './quote-json.ts';

/** What a batch is to write, row by row. */
export type Rows = { -readonly [Name in Exclude<keyof CommitRows, 'holds'>]: Record<string, unknown>[] };

export function emptyRows(): Rows {
  return { orders: [], lines: [], reservations: [], keys: [], quotes: [] };
}

/**
 * The rows that others may wait for, in the one order that every process takes: the database breaks a circle of
 * waiting batches, but only after a second.
 */
export function inLockOrder(rows: Rows): Rows {
  return {
    ...rows,
    orders: sortedBy(rows.orders, ['checkout_id']),
    quotes: sortedBy(rows.quotes, ['checkout_id']),
    keys: sortedBy(rows.keys, ['merchant_id', 'caller_id', 'idempotency_key']),
  };
}

function sortedBy(rows: readonly Record<string, unknown>[], columns: readonly string[]): Record<string, unknown>[] {
  const textOf = (row: Record<string, unknown>) => columns.map((column) => String(row[column])).join('\n');
  const keyed = rows.map((row) => ({ row, text: textOf(row) }));
  return keyed.sort((left, right) => (left.text < right.text ? -1 : 1)).map(({ row }) => row);
}

/** One stock row is changed once per statement, whatever the number of orders that hold it. */
export function aggregate(reservations: readonly Record<string, unknown>[]): CommitRows['holds'] {
  const holds = new Map<string, CommitRows['holds'][number]>();
  for (const { merchant_id, sku, units } of reservations) {
    const key = `${merchant_id} ${sku}`;
    const before = holds.get(key)?.units ?? 0n;
    holds.set(key, { merchantId: String(merchant_id), sku: String(sku), units: before + BigInt(Number(units)) });
  }
  return [...holds.values()];
}

/** The answer under a key, for ever. */
export function addKey(rows: Rows, request: CommitRequest, outcome: StoredOutcome, orderId: string | null): void {
  rows.keys.push({
    merchant_id: request.merchantId,
    caller_id: request.callerId,
    idempotency_key: request.idempotencyKey,
    request_sha256: Buffer.from(request.requestSha256).toString('hex'),
    checkout_id: request.checkoutId,
    outcome,
    order_id: orderId,
  });
}

/** A new version of a quote, at the prices of now. */
export function addQuote(rows: Rows, request: CommitRequest, quote: Quote, seenOrderId: string | null): void {
  rows.quotes.push({
    checkout_id: request.checkoutId,
    version: quote.version,
    merchant_id: request.merchantId,
    currency: quote.currency,
    total_minor: quote.content.totalMinor.toString(),
    content: JSON.parse(quoteToJson(quote.content)),
    seen_order_id: seenOrderId,
  });
}

/** An order with all that goes with it; its saga's first step is done. */
export function addOrder(
  rows: Rows,
  request: CommitRequest,
  checkout: OpenCheckout,
  { orderId, newId }: { orderId: string; newId: NewId },
): void {
  const { quote } = checkout;
  const { content } = quote;
  const total = { amount_minor: toWire(content.totalMinor), currency: quote.currency };
  rows.orders.push({
    order_id: orderId,
    merchant_id: request.merchantId,
    caller_id: request.callerId,
    checkout_id: request.checkoutId,
    quote_version: quote.version,
    currency: quote.currency,
    total_minor: content.totalMinor.toString(),
    buyer_sha256: buyerHash(request.merchantId, content.buyer?.email),
    ship_to_country: present(selectedDestination(content), 'the destination of a complete checkout').country,
    billing_country: request.billingCountry,
    deadline_in_ms: onlineOrder.withinMs,
    payment_id: newId(),
    provider: request.provider,
    token: request.token.reveal(),
    saga: onlineOrder.name,
    saga_version: onlineOrder.version,
    message_id: newId(),
    queue: firstQueue,
    message_type: first,
    message_version: messageTypes[first].newest,
    event_id: newId(),
    event_version: domainEvents.OrderPending.version,
    event_data: { checkout_id: `chk_${request.checkoutId}`, total, line_count: content.lines.length },
    entry_id: newId(),
    traceparent: request.traceparent,
  });
  content.lines.forEach((line, index) => {
    rows.lines.push({
      order_id: orderId,
      line_number: index + 1,
      sku: line.sku,
      title: line.title,
      quantity: line.quantity,
      unit_price_minor: line.unitPriceMinor.toString(),
      total_minor: line.totalMinor.toString(),
    });
    rows.reservations.push({ order_id: orderId, sku: line.sku, merchant_id: request.merchantId, units: line.quantity });
  });
}

/** Recognises a buyer again without keeping who it is beside the order. */
function buyerHash(merchantId: string, email: string | undefined): string | null {
  if (email === undefined) return null;
  return createHash('sha256').update(`${merchantId}\n${email.trim().toLowerCase()}`).digest('hex');
}

const first = firstMessage(onlineOrder);
export const firstQueue = messageTypes[first].queue;
