import { type Refused, refuse } from '../shared/failure.ts';
import { externalId } from '../shared/ids.ts';
import { writeAudit } from './audit.sql.ts';
import type { Deed } from './deed.ts';
import { closeInboxItem, type InboxItem, readInboxItem } from './inbox.sql.ts';

/**
 * Closes an item with what came of it. The question about a held order is closed by the verdict on it and not by hand:
 * closed alone, it would leave an order waiting that nobody sees.
 */
export async function closeItem(
  deed: Deed,
  ask: { readonly itemId: string; readonly resolution: string },
): Promise<Refused | InboxItem> {
  const id = externalId('inbox', ask.itemId);
  return await deed.database.transaction(async (tx) => {
    const item = await readInboxItem(tx, deed.merchantId, ask.itemId);
    if (item === null) return refuse('not_found', `${deed.merchantId} has no inbox item ${id}.`);
    if (item.kind === 'fraud_review' && item.orderStatus === 'on_hold' && item.orderId !== null) {
      const orderId = externalId('order', item.orderId);
      return refuse(
        'not_possible_now',
        `It asks about a held order: answer with onetill orders accept ${orderId}, or refuse.`,
        { details: { order_id: orderId } },
      );
    }
    if (!(await closeInboxItem(tx, { ...ask, merchantId: deed.merchantId, by: deed.by }))) {
      return refuse('not_possible_now', `${id} was closed by ${item.closedBy ?? 'somebody else'} already.`);
    }
    await writeAudit(tx, {
      entryId: deed.newId(),
      merchantId: deed.merchantId,
      orderId: item.orderId,
      actor: deed.by,
      action: 'inbox item closed',
      detail: `${id}, ${item.kind}: ${ask.resolution}`,
    });
    return item;
  });
}
