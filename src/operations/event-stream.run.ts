import { readFrom } from '../messaging/event-feed.run.ts';
import { beginning } from '../messaging/event-place.ts';
import { eventsOfOrder } from '../messaging/events.sql.ts';
import { type CloudEvent, type StoredEvent, toCloudEvent } from '../messaging/events.ts';
import { sleep } from '../shared/clock.ts';
import type { Queryable } from '../shared/postgres/client.ts';

export type EventStream = {
  readonly database: Queryable;
  readonly merchantId: string;
  /** Null: of all orders of the merchant. */
  readonly orderId: string | null;
  /** Goes on with what happens from now on, until the signal aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly emit: (event: CloudEvent) => void;
};

const lookAgainMs = 250;

/** Emits the domain events in order, each once. Returns how many there were. */
export async function streamEvents(stream: EventStream): Promise<number> {
  const next = stream.orderId === null ? ofAllOrders(stream) : ofOneOrder(stream, stream.orderId);
  let count = 0;
  while (!stream.signal.aborted) {
    const { events, mayBeMore } = await next();
    for (const event of events) stream.emit(toCloudEvent(event));
    count += events.length;
    if (mayBeMore) continue;
    if (!stream.follow) break;
    await sleep(lookAgainMs, stream.signal);
  }
  return count;
}

type Batch = { readonly events: readonly StoredEvent[]; readonly mayBeMore: boolean };

function ofAllOrders({ database, merchantId }: EventStream): () => Promise<Batch> {
  let place = beginning;
  return async () => {
    const read = await readFrom(database, place);
    place = read.place;
    return { events: read.events.filter((event) => event.merchantId === merchantId), mayBeMore: read.mayBeMore };
  };
}

function ofOneOrder({ database, merchantId }: EventStream, orderId: string): () => Promise<Batch> {
  let lastSequence = 0;
  return async () => {
    const all = await eventsOfOrder(database, orderId);
    const events = all.filter((event) => event.merchantId === merchantId && event.sequence > lastSequence);
    lastSequence = all.at(-1)?.sequence ?? lastSequence;
    return { events, mayBeMore: false };
  };
}
