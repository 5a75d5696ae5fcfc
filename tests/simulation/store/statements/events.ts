import { wakeChannel } from '../../../../src/messaging/waker.run.ts';
import { assert } from '../../../../src/shared/assert.ts';
import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { int8, type Statements, statement } from '../statement.ts';

/** src/messaging/events.sql.ts, event-eras.sql.ts and waker.run.ts */
export const ofEvents: Statements = {
  make_event_cursor: statement<[string]>((run, [subscriber]) => {
    return run.insert('event_cursors', { subscriber }, 'nothing') === null ? 0 : 1;
  }),

  lock_event_cursor: statement<[string]>((run, key) =>
    run.lock('event_cursors', { key }, { skipLocked: true }).map((cursor) => ({
      era: cursor.era,
      transactionId: cursor.transaction_id,
      position: cursor.position,
      highestPosition: cursor.highest_position,
    })),
  ),

  /** Nothing is ever copied into a store in memory, so that there is one era and it is that of now. */
  look_from_place: statement<[number, bigint, bigint]>((run, [era, transactionId, position]) => {
    const next = eventsAfter(run, int8(transactionId), int8(position))[0];
    return run.rows('event_eras', { key: [era] }).map((each) => ({
      afterPosition: each.after_position,
      toPosition: null,
      isCopied: false,
      horizon: run.oldestTransactionId(),
      nextTransactionId: next?.transaction_id ?? null,
    }));
  }),

  read_events_by_transaction: statement<[bigint, bigint, bigint, bigint, bigint | null]>((run, values) => {
    const [transactionId, position, until, above, upTo] = values;
    return eventsAfter(run, int8(transactionId), int8(position))
      .filter((event) => event.transaction_id < int8(until) && event.position > int8(above))
      .filter((event) => upTo === null || event.position <= int8(upTo))
      .slice(0, 500)
      .map((event) => ({
        position: event.position,
        transactionId: String(event.transaction_id),
        eventId: event.event_id,
        merchantId: event.merchant_id,
        orderId: event.order_id,
        sequence: event.sequence,
        type: event.type,
        schemaVersion: event.schema_version,
        data: event.data,
        traceparent: event.traceparent,
        occurredAt: event.occurred_at,
      }));
  }),

  move_event_cursor: statement<[string, number, bigint, bigint, bigint]>((run, values) => {
    const [subscriber, era, transactionId, position, highestPosition] = values;
    return run.update('event_cursors', { key: [subscriber] }, () => ({
      era,
      transaction_id: int8(transactionId),
      position: int8(position),
      highest_position: int8(highestPosition),
      moved_at: run.now,
    })).length;
  }),

  wake: statement<[string, string]>((run, [channel, payload]) => {
    assert(channel === wakeChannel, 'hints go to the channel on which workers listen');
    run.notify(channel, payload);
    return [{ pg_notify: '' }];
  }),
};

function eventsAfter(run: Running, transactionId: bigint, position: bigint): Row<'domain_events'>[] {
  const isAfter = ({ transaction_id: id, position: at }: Row<'domain_events'>): boolean =>
    id > transactionId || (id === transactionId && at > position);
  return run.rows('domain_events', { is: isAfter }).sort(inCommitOrder);
}

function inCommitOrder(left: Row<'domain_events'>, right: Row<'domain_events'>): number {
  if (left.transaction_id !== right.transaction_id) return left.transaction_id < right.transaction_id ? -1 : 1;
  return left.position < right.position ? -1 : 1;
}
