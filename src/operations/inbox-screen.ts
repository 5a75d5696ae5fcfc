import { externalId } from '../shared/ids.ts';
import type { InboxItem } from './inbox.sql.ts';
import { state } from './order-screen.ts';
import { instant, type Paint, table } from './screen.ts';

/** An inbox item as --json prints it. */
export function itemDocument(item: InboxItem) {
  return {
    item_id: externalId('inbox', item.itemId),
    kind: item.kind,
    order_id: item.orderId === null ? null : externalId('order', item.orderId),
    order_status: item.orderStatus,
    reason: item.reason,
    owner: item.owner,
    opened_at: item.openedAt,
    closed_at: item.closedAt,
    closed_by: item.closedBy,
    resolution: item.resolution,
  };
}

export function renderInbox(items: readonly InboxItem[], paint: Paint): string {
  if (items.length === 0) return 'Nothing waits for a person.\n';
  const rows = items.map((item) => [
    externalId('inbox', item.itemId),
    item.kind,
    item.closedAt === null ? state('open') : `closed by ${item.closedBy ?? ''}`,
    instant(item.openedAt),
    item.orderId === null ? '' : externalId('order', item.orderId),
    item.closedAt === null ? item.reason : `${item.reason} → ${item.resolution ?? ''}`,
  ]);
  return `${table(['item', 'kind', 'status', 'opened (UTC)', 'order', 'reason'], rows, paint)}\n`;
}
