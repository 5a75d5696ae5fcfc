import { sleep } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import type { Database, Transaction } from '../shared/postgres/client.ts';
import { lockCursor, makeCursor, moveCursor, readEvents } from './events.sql.ts';
import type { StoredEvent } from './events.ts';

/** Reads the domain events in order. Its effect and its place in the feed are one transaction. */
export type Subscriber = {
  readonly name: string;
  /** Events of one order come in sequence, without a gap; a batch holds several orders. */
  apply(tx: Transaction, events: readonly StoredEvent[]): Promise<void>;
};

export type FeedOptions = {
  readonly database: Database;
  readonly subscribers: readonly Subscriber[];
  readonly log: Logger;
  readonly pollMs: number;
};

/** Enough to keep up with a busy till in one round trip, small enough for one short transaction. */
const batchSizeMax = 500;

/** Feeds each subscriber until stopped. Any number of processes may run it: one at a time acts per subscriber. */
export function startEventFeed(options: FeedOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const loops = options.subscribers.map((subscriber) => feed(options, subscriber, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function feed(options: FeedOptions, subscriber: Subscriber, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const count = await feedOnce(options.database, subscriber).catch((thrown: unknown) => {
      options.log.warn('a subscriber could not apply events; trying again', {
        type: subscriber.name,
        error: toError(thrown),
      });
      return 0;
    });
    if (count < batchSizeMax) await sleep(options.pollMs, stopping);
  }
}

/** Applies the next batch. Returns how many events it held. */
export async function feedOnce(database: Database, subscriber: Subscriber): Promise<number> {
  return await database.transaction(async (tx) => {
    await makeCursor(tx, subscriber.name);
    const cursor = await lockCursor(tx, subscriber.name);
    if (cursor === null) return 0;
    const events = await readEvents(tx, cursor, batchSizeMax);
    const last = events.at(-1);
    if (last === undefined) return 0;
    await subscriber.apply(tx, events);
    await moveCursor(tx, subscriber.name, { transactionId: last.transactionId, position: last.position });
    return events.length;
  });
}
