import { describe, expect, test } from 'vitest';
import {
  beginning,
  eventsPerReadMax,
  nextRead,
  type Outlook,
  type Place,
  placeAfter,
} from '../../src/messaging/event-place.ts';

const place: Place = { era: 2, transactionId: 1_000n, position: 50n, highestPosition: 60n };
const now: Outlook = {
  afterPosition: 40n,
  toPosition: null,
  isCopied: false,
  horizon: 1_500n,
  nextTransactionId: 1_200n,
};
const former: Outlook = { ...now, toPosition: 900n };
const event = (transactionId: bigint, position: bigint) => ({ transactionId: String(transactionId), position });
const full = Array.from({ length: eventsPerReadMax }, (_, n) => event(1_200n, 61n + BigInt(n)));

describe('in the era of now', () => {
  test('events are read up to the oldest transaction that is open, and no further', () => {
    expect(nextRead(place, now)).toEqual({ by: 'transaction', until: 1_500n, upTo: null });
    expect(nextRead(place, { ...now, nextTransactionId: 1_500n })).toBeNull();
    expect(nextRead(place, { ...now, nextTransactionId: null })).toBeNull();
  });

  test('a read looks at a bounded number of transactions, from the first that has an event', () => {
    const far = { ...now, horizon: 9_000_000_000n, nextTransactionId: 5_000_000_000n };
    const read = nextRead(place, far);
    expect(read).toEqual({ by: 'transaction', until: 5_000_100_000n, upTo: null });
    const moved = placeAfter(place, far, read, []);
    expect(moved).toEqual({
      place: { era: 2, transactionId: 5_000_100_000n, position: 0n, highestPosition: 60n },
      mayBeMore: true,
    });
  });

  test('the place is the last event that was read, and the highest position never falls', () => {
    const read = nextRead(place, now);
    expect(placeAfter(place, now, read, [event(1_200n, 70n), event(1_201n, 55n)])).toEqual({
      place: { era: 2, transactionId: 1_201n, position: 55n, highestPosition: 70n },
      mayBeMore: false,
    });
    expect(placeAfter(place, now, read, full)).toEqual({
      place: { era: 2, transactionId: 1_200n, position: 560n, highestPosition: 560n },
      mayBeMore: true,
    });
  });

  test('a reader without news keeps its place, until so many transactions have passed that it catches up', () => {
    const quiet = { ...now, nextTransactionId: null };
    expect(placeAfter(place, quiet, null, [])).toEqual({ place, mayBeMore: false });
    expect(placeAfter(place, quiet, null, []).place).toBe(place);
    const later = { ...quiet, horizon: 11_000n };
    expect(placeAfter(place, later, null, []).place).toEqual({ ...place, transactionId: 11_000n, position: 0n });
    // Events of another era alone make a read that finds nothing.
    const othersOnly = { ...now, horizon: 11_000n };
    expect(placeAfter(place, othersOnly, nextRead(place, othersOnly), []).place).toMatchObject({
      transactionId: 11_000n,
    });
  });
});

describe('in a former era', () => {
  test('what is missing below the highest position comes first, then the rest by position, then the next era', () => {
    const missing = nextRead(place, former);
    expect(missing).toEqual({ by: 'transaction', until: 1_500n, upTo: 60n });
    const passed = placeAfter(place, former, missing, [event(1_300n, 45n)]);
    expect(passed).toEqual({
      place: { era: 2, transactionId: 1_500n, position: 0n, highestPosition: 60n },
      mayBeMore: true,
    });
    const seen = { ...former, nextTransactionId: null };
    const rest = nextRead(passed.place, seen);
    expect(rest).toEqual({ by: 'position', upTo: 900n });
    const on = placeAfter(passed.place, seen, rest, full);
    expect(on).toEqual({
      place: { era: 2, transactionId: 1_500n, position: 0n, highestPosition: 560n },
      mayBeMore: true,
    });
    expect(placeAfter(on.place, seen, rest, [event(7n, 900n)])).toEqual({
      place: { era: 3, transactionId: 0n, position: 0n, highestPosition: 900n },
      mayBeMore: true,
    });
  });

  test('where nothing was read, nothing is missing: the era is read by position from its beginning', () => {
    expect(nextRead({ ...beginning, era: 2, highestPosition: 40n }, former)).toEqual({ by: 'position', upTo: 900n });
    const begun = placeAfter(
      { ...beginning, era: 2, highestPosition: 40n },
      former,
      { by: 'position', upTo: 900n },
      full,
    );
    const on = nextRead(begun.place, { ...former, nextTransactionId: null });
    expect(on, 'what was just read does not look as if it were missing').toEqual({ by: 'position', upTo: 900n });
  });
});
