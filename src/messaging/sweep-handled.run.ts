import type { Database } from '../shared/postgres/client.ts';
import { removeHandled } from './handled.sql.ts';

/**
 * `onetill orders show` tells which messages an order took. A row is as young as its order or younger, so all are there
 * for orders of this age.
 */
export const handledKeptDays = 90;

/** Some milliseconds of work; the next round follows at once while there is more. */
const removedPerRoundMax = 1_000;

/**
 * What was handled long ago is forgotten. Promise 6 does not rest on how long it is remembered: a message is deleted in
 * the transaction of its effect, under its lease, so that a worker that lost the lease finds nothing to end and rolls
 * back; and a dead letter was not handled, or it would not have died, however long it lies there before it is replayed.
 * The row is the second lock, which stops the same id if a message is put back by hand: 90 days cover that, too.
 */
export const sweepHandledMessages = {
  name: 'handled-messages',
  everyMs: 60_000,
  why: 'What grows with every message for ever fills any disk.',
  async run(options: { readonly database: Database }): Promise<number> {
    return await removeHandled(options.database, { olderThanDays: handledKeptDays, count: removedPerRoundMax });
  },
};
