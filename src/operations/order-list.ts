import { externalId } from '../shared/ids.ts';
import { currencyOf, show, toWire } from '../shared/money.ts';
import type { ListedOrder } from './order-list.sql.ts';
import { state } from './order-screen.ts';
import { instant, type Paint, table, when } from './screen.ts';

/** Orders as --json prints them. `next_before` is what --before takes for the page after this; null on the last one. */
export function orderListDocument(orders: readonly ListedOrder[], limit: number) {
  const last = orders.length < limit ? undefined : orders.at(-1);
  return {
    orders: orders.map((order) => ({
      order_id: externalId('order', order.orderId),
      status: order.status,
      status_since: order.statusSince,
      deadline_at: order.deadlineAt,
      cancel_code: order.cancelCode,
      total: { amount_minor: toWire(order.totalMinor), currency: order.currency },
      payment_status: order.paymentStatus,
      placed_at: order.placedAt,
    })),
    next_before: last === undefined ? null : externalId('order', last.orderId),
  };
}

/** `asked` says which orders were meant: an empty list means something else for each. */
export function renderOrderList(
  orders: readonly ListedOrder[],
  asked: { readonly status: string | null; readonly isFirstPage: boolean },
  paint: Paint,
): string {
  if (orders.length === 0) return `${whyEmpty(asked)}\n`;
  const rows = orders.map((order) => [
    externalId('order', order.orderId),
    state(order.status),
    when(order.statusSince, order.readAt),
    order.deadlineAt === null ? '' : when(order.deadlineAt, order.readAt),
    show({ amountMinor: order.totalMinor, currency: currencyOf(order.currency) }),
    state(order.paymentStatus),
    instant(order.placedAt),
    order.cancelCode,
  ]);
  const titles = ['order', 'status', '>since', '>deadline', '>total', 'payment', 'placed (UTC)', 'because'];
  return `${table(titles, rows, paint)}\n`;
}

function whyEmpty({ status, isFirstPage }: { readonly status: string | null; readonly isFirstPage: boolean }): string {
  if (!isFirstPage) return 'There are no older ones.';
  if (status !== null) return `No order is ${status}. Without --status all are listed.`;
  return 'There are no orders yet. onetill replay buys some through the API.';
}
