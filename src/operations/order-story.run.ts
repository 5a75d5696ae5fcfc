import { eventsOfOrder } from '../messaging/events.sql.ts';
import type { Database } from '../shared/postgres/client.ts';
import {
  readAttempts,
  readAudit,
  readDeadLettersOf,
  readHandled,
  readHead,
  readInboxOf,
  readLines,
  readMessages,
  readPersonal,
  readSteps,
} from './order-story.sql.ts';
import { type OrderStory, toStory } from './order-story.ts';
import { lookOnce } from './snapshot.sql.ts';

/**
 * What happened to an order of the merchant, as of one instant; null if there is no such order. Who buys and where it
 * goes is read only if personal data is asked for.
 */
export async function readOrderStory(
  database: Database,
  ask: { readonly merchantId: string; readonly orderId: string; readonly personal: boolean },
): Promise<OrderStory | null> {
  return await database.transaction(async (tx) => {
    await lookOnce(tx);
    const head = await readHead(tx, ask.merchantId, ask.orderId);
    if (head === null) return null;
    return toStory({
      head,
      lines: await readLines(tx, ask.orderId),
      attempts: await readAttempts(tx, ask.orderId),
      steps: await readSteps(tx, ask.orderId),
      messages: await readMessages(tx, ask.orderId),
      handled: await readHandled(tx, ask.orderId),
      deadLetters: await readDeadLettersOf(tx, ask.orderId),
      events: await eventsOfOrder(tx, ask.orderId),
      audit: await readAudit(tx, ask.orderId),
      inbox: await readInboxOf(tx, ask.orderId),
      personal: ask.personal ? await readPersonal(tx, ask.orderId) : null,
    });
  });
}
