import { never } from '../shared/assert.ts';
import type { StoredEvent } from './events.ts';

/**
 * How far a reader of the events has come. All events of former eras are read, and of this one those that stand at or
 * before (transactionId, position) and whose position is not above the highest that was read. An era is the time that
 * the events spend in one count of transactions; a restore begins a new one (docs/decisions/0014).
 */
export type Place = {
  readonly era: number;
  readonly transactionId: bigint;
  readonly position: bigint;
  readonly highestPosition: bigint;
};

export const beginning: Place = { era: 1, transactionId: 0n, position: 0n, highestPosition: 0n };

/** What can be seen from a place. */
export type Outlook = {
  /** The events of the era stand above this position, up to `toPosition`; null in the era of now. */
  readonly afterPosition: bigint;
  readonly toPosition: bigint | null;
  /** Whether the era's events were copied here from elsewhere, so that it is over, although no later one is known. */
  readonly isCopied: boolean;
  /** Every transaction below it has ended, and what it wrote is seen. */
  readonly horizon: bigint;
  /** The transaction of the first event after (transactionId, position) that is seen, of whatever era; null if none. */
  readonly nextTransactionId: bigint | null;
};

/**
 * What to read next. By transaction: events after (transactionId, position), of transactions below `until`, up to a
 * position if there is one. By position: events above the highest position.
 */
export type Read =
  | { readonly by: 'transaction'; readonly until: bigint; readonly upTo: bigint | null }
  | { readonly by: 'position'; readonly upTo: bigint };

/** What is read at once: enough to keep up with a busy till, small enough for one short transaction. */
export const eventsPerReadMax = 500;

/**
 * A read looks at so many transactions at most. Events of other eras may lie between those of this one, and a read that
 * had to pass over millions of them would find no end in time; this many take some milliseconds.
 */
const transactionsPerReadMax = 100_000n;

/** A reader that finds nothing stays behind by so many transactions at most, to pass over the same events seldom. */
const transactionsBehindMax = 10_000n;

/**
 * What to read from here, or null if nothing can be read now.
 *
 * In the era of now, events are read by transaction, so that none commits later behind the place. In a former era all
 * are committed, and events are read by position: those that were written between two restores and met no reader there
 * carry ids that cannot be compared with the others, but they stand above them. Only those come first that are missing
 * below the highest position that was read, because they were not committed yet when it was.
 */
export function nextRead(place: Place, outlook: Outlook): Read | null {
  const { afterPosition, toPosition, horizon, nextTransactionId } = outlook;
  const mayBeMissing = toPosition === null || place.highestPosition > afterPosition;
  if (mayBeMissing && nextTransactionId !== null && nextTransactionId < horizon) {
    const bound = nextTransactionId + transactionsPerReadMax;
    const upTo = toPosition === null ? null : place.highestPosition;
    return { by: 'transaction', until: bound < horizon ? bound : horizon, upTo };
  }
  return toPosition === null ? null : { by: 'position', upTo: toPosition };
}

export type Moved = { readonly place: Place; readonly mayBeMore: boolean };

/** The place after what was read, and whether there may be more to read at once. */
export function placeAfter(
  place: Place,
  outlook: Outlook,
  read: Read | null,
  events: readonly Pick<StoredEvent, 'transactionId' | 'position'>[],
): Moved {
  if (read === null) return idle(place, outlook);
  const isFull = events.length === eventsPerReadMax;
  const highestPosition = events.reduce(
    (highest, { position }) => (position > highest ? position : highest),
    place.highestPosition,
  );
  const here = { ...place, highestPosition };
  switch (read.by) {
    case 'position': {
      // Nothing is missing below any more, and what is read from here on would look as if it were.
      if (isFull) return { place: { ...here, transactionId: outlook.horizon, position: 0n }, mayBeMore: true };
      const next = { ...beginning, era: place.era + 1, highestPosition: read.upTo };
      return { place: next, mayBeMore: true };
    }
    case 'transaction': {
      const last = events.at(-1);
      const atLast = last && { ...here, transactionId: BigInt(last.transactionId), position: last.position };
      if (isFull && atLast) return { place: atLast, mayBeMore: true };
      const mayBeMore = read.until < outlook.horizon || outlook.toPosition !== null;
      if (mayBeMore) return { place: { ...here, transactionId: read.until, position: 0n }, mayBeMore };
      return atLast ? { place: atLast, mayBeMore } : idle(place, outlook);
    }
    default:
      return never(read, 'the kind of a read');
  }
}

function idle(place: Place, { horizon }: Outlook): Moved {
  const isFarBehind = horizon - place.transactionId >= transactionsBehindMax;
  return { place: isFarBehind ? { ...place, transactionId: horizon, position: 0n } : place, mayBeMore: false };
}
