import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { byText, byTime, jsonOf, later, type Statements, statement } from '../statement.ts';

export type NewMessage = {
  readonly message_id: string;
  readonly queue: string;
  readonly type: string;
  readonly schema_version: number;
  readonly merchant_id: string;
  readonly order_id: string | null;
  readonly idempotency_key: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
  readonly delay_ms: number;
};

/** src/messaging/messages.sql.ts and src/messaging/handled.sql.ts */
export const ofMessages: Statements = {
  enqueue: statement<[string]>((run, [messages]) => {
    const written = jsonOf<NewMessage[]>(messages).filter((message) =>
      insertMessage(run, message, later(run.now, message.delay_ms)),
    );
    return written.length;
  }),

  take_messages: statement<[string, number, string, string, number]>((run, values) => {
    const [queue, count, leaseId, leasedBy, leaseMs] = values;
    const due = run.lock(
      'messages',
      { is: (message) => message.queue === queue && message.available_at <= run.now },
      { by: (left, right) => byTime(left.available_at, right.available_at), limit: count, skipLocked: true },
    );
    return due
      .flatMap(({ message_id }) =>
        run.update('messages', { key: [message_id] }, (message) => ({
          attempt: message.attempt + 1,
          lease_id: leaseId,
          leased_by: leasedBy,
          available_at: later(run.now, leaseMs),
          first_taken_at: message.first_taken_at ?? run.now,
          history:
            message.lease_id === null
              ? message.history
              : remembering(message, run.now, message.leased_by, 'the lease expired: its worker died or hung'),
        })),
      )
      .map((message) => takenColumns(message, run.now));
  }),

  renew_leases: statement<[string[], string[], number]>((run, [messageIds, leaseIds, leaseMs]) => {
    const mine = messageIds.flatMap((messageId, index) =>
      run.lock(
        'messages',
        { key: [messageId], is: (message) => message.lease_id === leaseIds[index] },
        { skipLocked: true },
      ),
    );
    return mine.flatMap(({ message_id }) =>
      run.update('messages', { key: [message_id] }, () => ({ available_at: later(run.now, leaseMs) })),
    ).length;
  }),

  settle_messages: statement<[string[], string[], string[]]>((run, [messageIds, leaseIds, consumers]) =>
    messageIds.flatMap((messageId, index) => {
      const is = (message: Row<'messages'>): boolean => message.lease_id === leaseIds[index];
      return run.remove('messages', { key: [messageId], is }).map((message) => {
        const { message_id, type, order_id, attempt: attempts, first_enqueued_at, history } = message;
        const consumer = consumers[index] as string;
        run.insert('messages_handled', {
          consumer,
          message_id,
          type,
          order_id,
          attempts,
          first_enqueued_at,
          history,
        });
        return { messageId: message_id };
      });
    }),
  ),

  keep_leases: statement<[string[], string[]]>((run, [messageIds, leaseIds]) =>
    messageIds
      .map((messageId, index) => ({ messageId, leaseId: leaseIds[index] }))
      .sort((left, right) => byText(left.messageId, right.messageId))
      .flatMap(({ messageId, leaseId }) =>
        run
          .lock('messages', { key: [messageId], is: (message) => message.lease_id === leaseId })
          .map(() => ({ messageId })),
      ),
  ),

  put_message_back: statement<[string, string, number, string, string]>((run, values) => {
    const [messageId, leaseId, delayMs, reason, by] = values;
    return run.update('messages', { key: [messageId], is: (message) => message.lease_id === leaseId }, (message) => ({
      available_at: later(run.now, delayMs),
      lease_id: null,
      leased_by: null,
      history: remembering(message, run.now, by, reason),
    })).length;
  }),

  bury_message: statement<[string, string, string]>((run, [messageId, leaseId, reason]) => {
    const gone = run.remove('messages', { key: [messageId], is: (message) => message.lease_id === leaseId });
    for (const message of gone) {
      const { attempt } = message;
      const history = [...(message.history as unknown[]), entryOf(message, run.now, message.leased_by, reason)];
      run.insert(
        'dead_letters',
        { ...letterColumns(message), history, reason },
        {
          on: 'primary',
          update: () => ({
            status: 'open',
            reason,
            history,
            attempt,
            died_at: run.now,
            settled_at: null,
            settled_by: null,
            settled_why: null,
          }),
        },
      );
    }
    return gone.length;
  }),

  remove_handled_messages: statement<[number, number]>((run, [days, count]) => {
    const before = later(run.now, -days * 24 * 60 * 60_000);
    const old = run.lock(
      'messages_handled',
      { is: (handled) => handled.handled_at < before },
      { by: (left, right) => byTime(left.handled_at, right.handled_at), limit: count, skipLocked: true },
    );
    return old.flatMap(({ consumer, message_id }) => run.remove('messages_handled', { key: [consumer, message_id] }))
      .length;
  }),

  hasten_messages: statement<[string[], string[], string[]]>((run, [queues, types, keys]) => {
    const isWaiting = (message: Row<'messages'>): boolean =>
      keys.some((key, index) => {
        return message.queue === queues[index] && message.type === types[index] && message.idempotency_key === key;
      }) &&
      message.lease_id === null &&
      message.available_at > run.now;
    return run
      .lock('messages', { is: isWaiting }, { skipLocked: true })
      .flatMap(({ message_id }) => run.update('messages', { key: [message_id] }, () => ({ available_at: run.now })))
      .length;
  }),
};

/** Writes a message, unless one of its cause is alive. */
export function insertMessage(run: Running, message: NewMessage, availableAt: Date = run.now): boolean {
  const { delay_ms: _, ...columns } = message;
  const row = { ...columns, available_at: availableAt };
  return run.insert('messages', row, { on: 'one_message_per_key' }) !== null;
}

function takenColumns(message: Row<'messages'>, now: Date): object {
  return {
    messageId: message.message_id,
    queue: message.queue,
    type: message.type,
    schemaVersion: message.schema_version,
    merchantId: message.merchant_id,
    orderId: message.order_id,
    idempotencyKey: message.idempotency_key,
    payload: message.payload,
    traceparent: message.traceparent,
    attempt: message.attempt,
    firstEnqueuedAt: message.first_enqueued_at,
    firstWaitMs: message.attempt === 1 ? now.getTime() - message.first_enqueued_at.getTime() : null,
    leaseId: message.lease_id,
  };
}

/** The columns that a message and its dead letter share. */
export function letterColumns(message: Row<'messages'> | Row<'dead_letters'>) {
  const { message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key } = message;
  const { payload, traceparent, attempt, first_enqueued_at } = message;
  return {
    message_id,
    queue,
    type,
    schema_version,
    merchant_id,
    order_id,
    idempotency_key,
    payload,
    traceparent,
    attempt,
    first_enqueued_at,
  };
}

/** At most 60 entries: the oldest goes. */
function remembering(message: Row<'messages'>, now: Date, by: string | null, reason: string): unknown[] {
  const history = message.history as unknown[];
  return [...(history.length < 60 ? history : history.slice(1)), entryOf(message, now, by, reason)];
}

function entryOf({ attempt }: Row<'messages'>, now: Date, by: string | null, reason: string): object {
  return { at: jsonTime(now), attempt, by, reason };
}

/** A timestamptz within jsonb, in a session whose time zone is UTC. */
function jsonTime(at: Date): string {
  return at
    .toISOString()
    .replace('Z', '+00:00')
    .replace(/\.?0*\+/, '+');
}
