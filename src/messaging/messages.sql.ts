import { Retry } from '../shared/failure.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';
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
  if (messages.length === 0) return;
  await tx.execute({
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
    values: [JSON.stringify(messages.map(messageRow))],
  });
}

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

/** Renews the leases that are still held. A lease that was lost is not taken back. */
export async function renewLeases(
  db: Queryable,
  held: { messageIds: readonly string[]; leaseIds: readonly string[]; leaseMs: number },
): Promise<void> {
  await db.execute({
    name: 'renew_leases',
    text: `
      update messages m
      set available_at = now() + $3 * interval '1 millisecond'
      from unnest($1::uuid[], $2::uuid[]) as held(message_id, lease_id)
      where m.message_id = held.message_id and m.lease_id = held.lease_id`,
    values: [held.messageIds, held.leaseIds, held.leaseMs],
  });
}

/**
 * Ends a message in the transaction of its effect, and keeps its failed attempts. False if the lease is no longer ours:
 * then another worker has the message, and the caller must roll back.
 */
export async function settle(tx: Transaction, message: Message, consumer: string): Promise<boolean> {
  const ended = await tx.execute({
    name: 'settle_message',
    text: `
      with gone as (
        delete from messages where message_id = $1 and lease_id = $2
        returning message_id, type, order_id, attempt, first_enqueued_at, history
      )
      insert into messages_handled (consumer, message_id, type, order_id, attempts, first_enqueued_at, history)
      select $3, message_id, type, order_id, attempt, first_enqueued_at, history from gone`,
    values: [message.messageId, message.leaseId, consumer],
  });
  return ended === 1;
}

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
  const held = await tx.query({
    name: 'keep_lease',
    text: 'select 1 from messages where message_id = $1 and lease_id = $2 for update',
    values: [message.messageId, message.leaseId],
  });
  if (held.length === 0) throw new Retry('the lease was lost while the message was handled');
}

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
  await tx.execute({
    name: 'hasten_message',
    text: `
      update messages set available_at = now()
      where queue = $1 and type = $2 and idempotency_key = $3 and lease_id is null and available_at > now()`,
    values: [messageTypes[type].queue, type, idempotencyKey],
  });
}
