import { messageTypes } from '../messaging/queues.ts';
import { wakeChannel } from '../messaging/waker.run.ts';
import { applyChange } from '../sagas/change.sql.ts';
import { afterReview } from '../sagas/decide.ts';
import { lockOrder } from '../sagas/saga.sql.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import { externalId } from '../shared/ids.ts';
import type { Deed } from './deed.ts';
import { wakeWorkers } from './wake.sql.ts';

export type Verdict = 'accept' | 'refuse';

/**
 * A person's verdict on a held order: the saga goes on or back, the question in the inbox is closed and the deed is on
 * record, in one transaction. Refused with `not_possible_now` if the order is not held (any more), so that of two
 * verdicts the first one counts.
 */
export async function reviewOrder(
  deed: Deed,
  ask: { readonly orderId: string; readonly verdict: Verdict; readonly owner: string },
): Promise<Refused | { readonly sent: readonly string[] }> {
  const id = externalId('order', ask.orderId);
  const result = await deed.database.transaction(async (tx) => {
    const order = await lockOrder(tx, ask.orderId, null);
    if (order === null || order.merchantId !== deed.merchantId) {
      return refuse('not_found', `${deed.merchantId} has no order ${id}.`);
    }
    const change = afterReview(order.saga, ask.verdict, deed.by);
    if (change === null) {
      const message = `${id} is ${order.saga.orderStatus}: only an order on hold waits for a verdict.`;
      return refuse('not_possible_now', message, { details: { status: order.saga.orderStatus } });
    }
    const said = { action: `order ${ask.verdict === 'accept' ? 'accepted' : 'refused'}`, detail: null };
    await applyChange(
      tx,
      order,
      { ...change, audit: [said, ...change.audit] },
      { actor: deed.by, newId: deed.newId, owner: ask.owner },
    );
    return { sent: change.send };
  });
  if ('sent' in result) {
    await wakeWorkers(
      deed.database,
      wakeChannel,
      result.sent.map((type) => messageTypes[type].queue),
    );
  }
  return result;
}
