import { replayLetter } from '../../src/operations/dead-letters.run.ts';
import type { Deed } from '../../src/operations/deed.ts';
import { closeItem } from '../../src/operations/inbox.run.ts';
import { reviewOrder } from '../../src/operations/review.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import type { People } from './journey.ts';

const merchantId = 'demo';
const lookEveryMs = 60;

/** People who look into the inbox and the dead letters until they are sent home. They act as the console lets them. */
export function peopleAt(database: Database, people: People): { goHome(): Promise<void> } {
  const deed: Deed = { database, merchantId, newId: newUuid, by: 'a person' };
  let isHome = people.heldOrders === undefined && people.deadLetters === undefined;
  async function work(): Promise<void> {
    while (!isHome) {
      if (people.heldOrders !== undefined) await decideHeldOrders(deed, people.heldOrders);
      if (people.deadLetters !== undefined) await replayLetters(deed, people.deadLetters === 'replay');
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    await closeAnswered(deed);
  }
  const worked = work();
  // Whoever sends them home hears of a failure.
  worked.catch(() => {});
  return {
    async goHome() {
      isHome = true;
      await worked;
    },
  };
}

async function decideHeldOrders(deed: Deed, verdict: 'accept' | 'refuse'): Promise<void> {
  const held = await deed.database.query<{ order_id: string }>({
    text: `select order_id from orders where status = 'on_hold' limit 100`,
  });
  for (const { order_id: orderId } of held) await reviewOrder(deed, { orderId, verdict, owner: 'operations' });
}

async function replayLetters(deed: Deed, atOnce: boolean): Promise<void> {
  const letters = await deed.database.query<{ message_id: string }>({
    text: `
      select message_id from dead_letters l join orders o using (order_id)
      where l.status = 'open' and ($1 or o.status in ('confirmed', 'cancelled')) limit 100`,
    values: [atOnce],
  });
  for (const { message_id } of letters) await replayLetter(deed, message_id);
}

/** A question about an order that has ended is answered. */
async function closeAnswered(deed: Deed): Promise<void> {
  const items = await deed.database.query<{ item_id: string }>({
    text: `
      select item_id from operator_inbox join orders using (order_id)
      where closed_at is null and status in ('confirmed', 'cancelled') limit 100`,
  });
  for (const { item_id } of items) await closeItem(deed, { itemId: item_id, resolution: 'it ended' });
}
