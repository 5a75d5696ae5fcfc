import type { Destination, QuoteLine } from '../checkout/quote.ts';
import { quoteFromJson, type StoredQuoteContent } from '../checkout/quote-json.ts';
import { present } from '../shared/assert.ts';
import { currencyOf } from '../shared/money.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { OrderStatus, OrderView } from './order.ts';

/** An order for the caller that placed it; null for anybody else. Lines and totals are those of the committed quote. */
export async function readOrder(
  db: Queryable,
  scope: { merchantId: string; callerId: string; orderId: string },
): Promise<(Omit<OrderView, 'shippingTitle'> & { selectedShippingId: string | null }) | null> {
  const rows = await db.query<{
    checkoutId: string;
    status: OrderStatus;
    cancelCode: string | null;
    currency: string;
    content: StoredQuoteContent;
    placedAt: Date;
  }>({
    name: 'read_order',
    text: `
      select o.checkout_id as "checkoutId", o.status, o.cancel_code as "cancelCode", o.currency, q.content,
             o.created_at as "placedAt"
      from orders o join quotes q on q.checkout_id = o.checkout_id and q.version = o.quote_version
      where o.order_id = $3 and o.merchant_id = $1 and o.caller_id = $2`,
    values: [scope.merchantId, scope.callerId, scope.orderId],
  });
  const row = rows[0];
  if (row === undefined) return null;
  const content = quoteFromJson(row.content);
  const destination: Destination = present(
    content.destinations.find((each) => each.id === content.selectedDestinationId),
    'the destination of an order',
  );
  const lines: readonly QuoteLine[] = content.lines;
  return {
    orderId: scope.orderId,
    checkoutId: row.checkoutId,
    status: row.status,
    cancelCode: row.cancelCode,
    currency: currencyOf(row.currency),
    lines,
    destination,
    selectedShippingId: content.selectedShippingId,
    shippingMinor: content.shippingMinor,
    subtotalMinor: content.subtotalMinor,
    totalMinor: content.totalMinor,
    placedAt: row.placedAt,
  };
}

export type OrderOutcome = {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly cancelCode: string | null;
};

/** How the orders stand. */
export async function readOutcomes(db: Queryable, orderIds: readonly string[]): Promise<OrderOutcome[]> {
  return await db.query<OrderOutcome>({
    name: 'read_order_outcomes',
    text: `
      select order_id as "orderId", status, cancel_code as "cancelCode" from orders
      where order_id = any($1::uuid[])
      limit 10000`,
    values: [orderIds],
  });
}
