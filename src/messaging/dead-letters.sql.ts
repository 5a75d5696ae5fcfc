import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { DeadLetter, LetterStatus, WholeDeadLetter } from './dead-letter.ts';
import type { MessageType } from './queues.ts';

/** The letters of a merchant, newest first. Null: of every status, of every queue. */
export async function listDeadLetters(
  db: Queryable,
  ask: { merchantId: string; status: LetterStatus | null; queue: string | null; limit: number },
): Promise<DeadLetter[]> {
  return await db.query<DeadLetter>({
    text: `
      select message_id as "messageId", queue, type, schema_version as "schemaVersion", order_id as "orderId", attempt,
             first_enqueued_at as "firstEnqueuedAt", died_at as "diedAt", reason, status, settled_at as "settledAt",
             settled_by as "settledBy", settled_why as "settledWhy"
      from dead_letters
      where merchant_id = $1 and ($2::text is null or status = $2) and ($3::text is null or queue = $3)
      order by died_at desc
      limit $4`,
    values: [ask.merchantId, ask.status, ask.queue, ask.limit],
  });
}

/** One letter of the merchant, or null. */
export async function readDeadLetter(
  db: Queryable,
  merchantId: string,
  messageId: string,
): Promise<WholeDeadLetter | null> {
  const rows = await db.query<WholeDeadLetter>({
    name: 'read_dead_letter',
    text: `
      select message_id as "messageId", queue, type, schema_version as "schemaVersion", order_id as "orderId", attempt,
             first_enqueued_at as "firstEnqueuedAt", died_at as "diedAt", reason, status, settled_at as "settledAt",
             settled_by as "settledBy", settled_why as "settledWhy", idempotency_key as "idempotencyKey", payload,
             traceparent, history
      from dead_letters where message_id = $2 and merchant_id = $1`,
    values: [merchantId, messageId],
  });
  return rows[0] ?? null;
}

/**
 * The ids of open letters of the merchant that are dead for so long, in order, after the given one. Null: of every
 * queue, of every type, from the first one on.
 */
export async function openLetterIds(
  db: Queryable,
  ask: {
    merchantId: string;
    queue: string | null;
    type: string | null;
    deadForMs: number;
    afterId: string | null;
    limit: number;
  },
): Promise<string[]> {
  const rows = await db.query<{ messageId: string }>({
    text: `
      select message_id as "messageId" from dead_letters
      where status = 'open' and merchant_id = $1
        and ($2::text is null or queue = $2) and ($3::text is null or type = $3)
        and died_at <= now() - $4 * interval '1 millisecond' and message_id > coalesce($5::uuid, $6::uuid)
      order by message_id
      limit $7`,
    values: [ask.merchantId, ask.queue, ask.type, ask.deadForMs, ask.afterId, beforeAllIds, ask.limit],
  });
  return rows.map((row) => row.messageId);
}

const beforeAllIds = '00000000-0000-0000-0000-000000000000';

/**
 * The ids of open letters of these types that have rested for so long since they died, longest first, of all merchants.
 * One whose cause has a live message rests on.
 */
export async function restedLetterIds(
  db: Queryable,
  ask: { types: readonly MessageType[]; restMs: number; limit: number },
): Promise<string[]> {
  const rows = await db.query<{ messageId: string }>({
    name: 'rested_letters',
    text: `
      select message_id as "messageId" from dead_letters d
      where status = 'open' and type = any($1::text[]) and died_at <= now() - $2 * interval '1 millisecond'
        and not exists (
          select 1 from messages m
          where m.queue = d.queue and m.type = d.type and m.idempotency_key = d.idempotency_key
        )
      order by died_at
      limit $3`,
    values: [ask.types, ask.restMs, ask.limit],
  });
  return rows.map((row) => row.messageId);
}

/** What became of a letter that was settled. */
export type SettledLetter = Pick<DeadLetter, 'messageId' | 'queue' | 'type' | 'orderId'>;

/**
 * Puts letters of these statuses back into their queues, due now, with no attempt counted, their age kept, and their
 * history but for what lies further back than 40 attempts. Gives those that it put back: not one that has another
 * status by now, or whose cause has a live message. Null: of every merchant.
 */
export async function replayDeadLetters(
  tx: Transaction,
  ask: {
    merchantId: string | null;
    messageIds: readonly string[];
    statuses: readonly LetterStatus[];
    by: string;
  },
): Promise<SettledLetter[]> {
  return await tx.query<SettledLetter>({
    name: 'replay_dead_letters',
    text: `
      with letters as (
        select * from dead_letters
        where message_id = any($1::uuid[]) and ($2::text is null or merchant_id = $2) and status = any($3::text[])
        order by message_id
        for update
      ), put_back as (
        insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload,
                              traceparent, attempt, first_enqueued_at, history)
        select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent, 0,
               first_enqueued_at,
               (select coalesce(jsonb_agg(entry order by number), '[]')
                from jsonb_array_elements(history) with ordinality as h(entry, number)
                where number > jsonb_array_length(history) - 40)
        from letters
        on conflict do nothing
        returning message_id
      )
      update dead_letters d set status = 'replayed', settled_at = now(), settled_by = $4, settled_why = null
      from put_back where d.message_id = put_back.message_id
      returning d.message_id as "messageId", d.queue, d.type, d.order_id as "orderId"`,
    values: [ask.messageIds, ask.merchantId, ask.statuses, ask.by],
  });
}

/** Settles open letters of the merchant without effect. Gives those that it settled. */
export async function discardDeadLetters(
  tx: Transaction,
  ask: { merchantId: string; messageIds: readonly string[]; by: string; why: string },
): Promise<SettledLetter[]> {
  return await tx.query<SettledLetter>({
    name: 'discard_dead_letters',
    text: `
      update dead_letters set status = 'discarded', settled_at = now(), settled_by = $3, settled_why = $4
      where message_id = any($2::uuid[]) and merchant_id = $1 and status = 'open'
      returning message_id as "messageId", queue, type, order_id as "orderId"`,
    values: [ask.merchantId, ask.messageIds, ask.by, ask.why],
  });
}
