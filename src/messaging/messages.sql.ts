import { Retry } from '../shared/failure.ts';
import type { Queryable, SetStatement, Transaction } from '../shared/postgres/client.ts';
import type { Message, NewMessage } from './message.ts';
import { type MessageType, messageTypes, type QueueName } from './queues.ts';

/** The form in which messages enter SQL: one row of a JSON recordset. */
export type MessageRow = Readonly<Record<string, unknown>>;

export function messageRow(message: NewMessage): MessageRow {
  const { queue, newest } = messageTypes[message.type];
  return {
    message_id: message.messageId,
    queue,
    type: message.type,
    schema_version: newest,
    merchant_id: message.merchantId,
    order_id: message.orderId,
    idempotency_key: message.idempotencyKey,
    payload: message.payload,
    traceparent: message.traceparent,
    delay_ms: message.delayMs ?? 0,
  };
}

/** Writes the messages into their queues. One that is alive under the same type and key stays as it is. */
export async function enqueue(tx: Transaction, messages: readonly NewMessage[]): Promise<void> {
  if (messages.length > 0) await tx.each(enqueueAll, messages);
}

const enqueueAll: SetStatement<readonly NewMessage[], void> = async (db, lists) => {
  await db.execute({
    name: 'enqueue',
    text: `
      insert into messages
        (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent,
         available_at)
      select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent,
             now() + delay_ms * interval '1 millisecond'
      from jsonb_to_recordset($1) as m(message_id uuid, queue text, type text, schema_version integer, merchant_id text,
           order_id uuid, idempotency_key text, payload jsonb, traceparent text, delay_ms bigint)
      on conflict (queue, type, idempotency_key) do nothing`,
    values: [JSON.stringify(lists.flat().map(messageRow))],
  });
  return lists.map(() => undefined);
};

/** Takes the messages of a queue that have waited longest, under one lease. Other workers skip them. */
export async function take(
  db: Queryable,
  request: { queue: QueueName; count: number; leaseId: string; leasedBy: string; leaseMs: number },
): Promise<Message[]> {
  return await db.query<Message>({
    name: 'take_messages',
    text: `
      with due as (
        select message_id from messages
        where queue = $1 and available_at <= now()
        order by available_at
        limit $2
        for update skip locked
      )
      update messages m
      set attempt = m.attempt + 1,
          lease_id = $3,
          leased_by = $4,
          available_at = now() + $5 * interval '1 millisecond',
          first_taken_at = coalesce(m.first_taken_at, now()),
          history = case when m.lease_id is null then m.history
                    -- At most 60 entries: a message that nobody can even bury must not grow until the take fails.
                    else case when jsonb_array_length(m.history) < 60 then m.history else m.history - 0 end
                         || jsonb_build_object('at', now(), 'attempt', m.attempt, 'by', m.leased_by,
                              'reason', 'the lease expired: its worker died or hung') end
      from due
      where m.message_id = due.message_id
      returning m.message_id as "messageId", m.queue, m.type, m.schema_version as "schemaVersion",
                m.merchant_id as "merchantId", m.order_id as "orderId", m.idempotency_key as "idempotencyKey",
                m.payload, m.traceparent, m.attempt, m.first_enqueued_at as "firstEnqueuedAt",
                case when m.attempt = 1
                     then (extract(epoch from now() - m.first_enqueued_at) * 1000)::float8 end as "firstWaitMs",
                m.lease_id as "leaseId"`,
    values: [request.queue, request.count, request.leaseId, request.leasedBy, request.leaseMs],
  });
}

/**
 * Renews the leases that are still held. A lease that was lost is not taken back, and a message that is being settled
 * is passed over: whoever waits for one row while it holds others may wait in a circle.
 */
export async function renewLeases(
  db: Queryable,
  held: { messageIds: readonly string[]; leaseIds: readonly string[]; leaseMs: number },
): Promise<void> {
  await db.execute({
    name: 'renew_leases',
    text: `
      with mine as (
        select m.message_id
        from unnest($1::uuid[], $2::uuid[]) as held(message_id, lease_id)
        join messages m on m.message_id = held.message_id and m.lease_id = held.lease_id
        for update of m skip locked
      )
      update messages m
      set available_at = now() + $3 * interval '1 millisecond'
      from mine
      where m.message_id = mine.message_id`,
    values: [held.messageIds, held.leaseIds, held.leaseMs],
  });
}

/**
 * Ends a message in the transaction of its effect, and keeps its failed attempts. False if the lease is no longer ours:
 * then another worker has the message, and the caller must roll back.
 */
export async function settle(tx: Transaction, message: Message, consumer: string): Promise<boolean> {
  const { messageId, leaseId } = message;
  return await tx.each(settleAll, { messageId, leaseId, consumer });
}

type Held = { readonly messageId: string; readonly leaseId: string };

const settleAll: SetStatement<Held & { readonly consumer: string }, boolean> = async (db, ended) => {
  const rows = await db.query<{ messageId: string }>({
    name: 'settle_messages',
    text: `
      with gone as (
        delete from messages m
        using unnest($1::uuid[], $2::uuid[], $3::text[]) as ended(message_id, lease_id, consumer)
        where m.message_id = ended.message_id and m.lease_id = ended.lease_id
        returning ended.consumer, m.message_id, m.type, m.order_id, m.attempt, m.first_enqueued_at, m.history
      )
      insert into messages_handled (consumer, message_id, type, order_id, attempts, first_enqueued_at, history)
      select consumer, message_id, type, order_id, attempt, first_enqueued_at, history from gone
      returning message_id as "messageId"`,
    values: [
      ended.map(({ messageId }) => messageId),
      ended.map(({ leaseId }) => leaseId),
      ended.map(({ consumer }) => consumer),
    ],
  });
  const settled = new Set(rows.map(({ messageId }) => messageId));
  return ended.map(({ messageId }) => settled.has(messageId));
};

/**
 * Ends a message as `settle` does, or rolls the effect back by throwing, because another worker has the message now.
 */
export async function settleOrRetry(tx: Transaction, message: Message, consumer: string): Promise<void> {
  if (!(await settle(tx, message, consumer))) throw new Retry('the lease was lost while the message was handled');
}

/**
 * Rolls back by throwing unless the lease is still ours, and keeps it ours until the transaction ends: for what is
 * written while the message goes on.
 */
export async function keepLeaseOrRetry(tx: Transaction, message: Message): Promise<void> {
  const { messageId, leaseId } = message;
  if (!(await tx.each(keepLeases, { messageId, leaseId }))) {
    throw new Retry('the lease was lost while the message was handled');
  }
}

const keepLeases: SetStatement<Held, boolean> = async (db, held) => {
  const rows = await db.query<{ messageId: string }>({
    name: 'keep_leases',
    text: `
      select m.message_id as "messageId"
      from unnest($1::uuid[], $2::uuid[]) as held(message_id, lease_id)
      join messages m on m.message_id = held.message_id and m.lease_id = held.lease_id
      order by m.message_id
      for update of m`,
    values: [held.map(({ messageId }) => messageId), held.map(({ leaseId }) => leaseId)],
  });
  const kept = new Set(rows.map(({ messageId }) => messageId));
  return held.map(({ messageId }) => kept.has(messageId));
};

/** Gives a failed message back to its queue, to be tried again after the delay. */
export async function putBack(
  db: Queryable,
  message: Message,
  failure: { delayMs: number; reason: string; by: string },
): Promise<void> {
  await db.execute({
    name: 'put_message_back',
    text: `
      update messages
      set available_at = now() + $3 * interval '1 millisecond', lease_id = null, leased_by = null,
          history = case when jsonb_array_length(history) < 60 then history else history - 0 end
                    || jsonb_build_object('at', now(), 'attempt', attempt, 'by', $5::text, 'reason', $4::text)
      where message_id = $1 and lease_id = $2`,
    values: [message.messageId, message.leaseId, failure.delayMs, failure.reason.slice(0, 500), failure.by],
  });
}

/** Moves a message to the dead letters, with the reason and its whole history. False if the lease was lost. */
export async function bury(tx: Transaction, message: Message, reason: string): Promise<boolean> {
  const buried = await tx.execute({
    name: 'bury_message',
    text: `
      with gone as (delete from messages where message_id = $1 and lease_id = $2 returning *)
      insert into dead_letters
        (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent,
         attempt, first_enqueued_at, history, reason)
      select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent,
             attempt, first_enqueued_at,
             history || jsonb_build_object('at', now(), 'attempt', attempt, 'by', leased_by, 'reason', $3::text), $3
      from gone
      on conflict (message_id) do update
        set status = 'open', reason = excluded.reason, history = excluded.history, attempt = excluded.attempt,
            died_at = now(), settled_at = null, settled_by = null, settled_why = null`,
    values: [message.messageId, message.leaseId, reason.slice(0, 500)],
  });
  return buried === 1;
}

/**
 * Makes a waiting message due now, because what it waits for may have come. One that is being handled is left alone.
 */
export async function hasten(tx: Transaction, type: MessageType, idempotencyKey: string): Promise<void> {
  await tx.each(hastenAll, { type, idempotencyKey });
}

const hastenAll: SetStatement<{ readonly type: MessageType; readonly idempotencyKey: string }, void> = async (
  db,
  waiting,
) => {
  await db.execute({
    name: 'hasten_messages',
    text: `
      with early as (
        select m.message_id
        from unnest($1::text[], $2::text[], $3::text[]) as w(queue, type, idempotency_key)
        join messages m on m.queue = w.queue and m.type = w.type and m.idempotency_key = w.idempotency_key
        where m.lease_id is null and m.available_at > now()
        for update of m skip locked
      )
      update messages m set available_at = now() from early where m.message_id = early.message_id`,
    values: [
      waiting.map(({ type }) => messageTypes[type].queue),
      waiting.map(({ type }) => type),
      waiting.map(({ idempotencyKey }) => idempotencyKey),
    ],
  });
  return waiting.map(() => undefined);
};
