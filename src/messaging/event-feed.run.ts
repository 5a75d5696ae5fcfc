import { assert, never, present } from '../shared/assert.ts';
import { sleep } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import type { Database, Queryable, Transaction } from '../shared/postgres/client.ts';
import { lookFrom, openNextEra } from './event-eras.sql.ts';
import {
  eventsPerReadMax,
  type Moved,
  nextRead,
  type Outlook,
  type Place,
  placeAfter,
  type Read,
} from './event-place.ts';
import { lockCursor, makeCursor, moveCursor, readByPosition, readByTransaction } from './events.sql.ts';
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

export type EventFeed = {
  /** Takes no more events, waits for what is in hand, and resolves. */
  stop(): Promise<void>;
  /** Resolves after `stop`. Rejects when a subscriber is fed no more although nobody asked for that. */
  readonly ended: Promise<void>;
};

/** Feeds each subscriber until stopped. Any number of processes may run it: one at a time acts per subscriber. */
export function startEventFeed(options: FeedOptions): EventFeed {
  const stopping = new AbortController();
  const loops = options.subscribers.map((subscriber) => feed(options, subscriber, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.allSettled(loops);
    },
    ended: Promise.all(loops).then(() => {}),
  };
}

/** Ends when it is stopped. Whatever goes wrong is tried again; only a log that cannot be written ends it before. */
async function feed(options: FeedOptions, subscriber: Subscriber, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const { mayBeMore } = await feedOnce(options.database, subscriber).catch((thrown: unknown) => {
      options.log.warn('a subscriber could not apply events; trying again', {
        type: subscriber.name,
        error: toError(thrown),
      });
      return { mayBeMore: false };
    });
    if (!mayBeMore) await sleep(options.pollMs, stopping);
  }
}

/** Applies the next batch. Answers how many events it held, and whether there may be more to read at once. */
export async function feedOnce(
  database: Database,
  subscriber: Subscriber,
): Promise<{ readonly count: number; readonly mayBeMore: boolean }> {
  return await database.transaction(async (tx) => {
    await makeCursor(tx, subscriber.name);
    const place = await lockCursor(tx, subscriber.name);
    if (place === null) return { count: 0, mayBeMore: false };
    const read = await readFrom(tx, place);
    if (read.events.length > 0) await subscriber.apply(tx, read.events);
    if (read.place !== place) await moveCursor(tx, subscriber.name, read.place);
    return { count: read.events.length, mayBeMore: read.mayBeMore };
  });
}

/** The next events after a place, in order, the place after them, and whether there may be more to read at once. */
export async function readFrom(db: Queryable, place: Place): Promise<Moved & { readonly events: StoredEvent[] }> {
  const outlook = await lookOut(db, place);
  const read = nextRead(place, outlook);
  const events = await readThat(db, place, outlook, read);
  assert(events.length <= eventsPerReadMax, 'a read holds no more events than it asks for');
  return { events, ...placeAfter(place, outlook, read, events) };
}

/** Opens the era of now, if the last one that is known came here with a restore. */
async function lookOut(db: Queryable, place: Place): Promise<Outlook> {
  const outlook = present(await lookFrom(db, place), `era ${place.era} of the events`);
  if (!outlook.isCopied) return outlook;
  await openNextEra(db, place.era);
  return present(await lookFrom(db, place), `era ${place.era} of the events`);
}

async function readThat(db: Queryable, place: Place, outlook: Outlook, read: Read | null): Promise<StoredEvent[]> {
  if (read === null) return [];
  switch (read.by) {
    case 'transaction':
      return await readByTransaction(db, place, { until: read.until, above: outlook.afterPosition, upTo: read.upTo });
    case 'position': {
      const { afterPosition } = outlook;
      const above = place.highestPosition > afterPosition ? place.highestPosition : afterPosition;
      return await readByPosition(db, { above, upTo: read.upTo });
    }
    default:
      return never(read, 'the kind of a read');
  }
}
