import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { DeadLetter, LetterStatus, WholeDeadLetter } from './dead-letter.ts';

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
 * Puts an open letter back into its queue, due now, with no attempt counted, its age kept, and its history but for what
 * lies further back than 40 attempts. False if it is not open, or if a message of the same cause is alive: then nothing
 * is changed.
 */
export async function replayDeadLetter(
  tx: Transaction,
  ask: { merchantId: string; messageId: string; by: string },
): Promise<boolean> {
  const replayed = await tx.execute({
    text: `
      with letter as (
        select * from dead_letters where message_id = $2 and merchant_id = $1 and status = 'open' for update
      ), put_back as (
        insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload,
                              traceparent, attempt, first_enqueued_at, history)
        select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent, 0,
               first_enqueued_at,
               (select coalesce(jsonb_agg(entry order by number), '[]')
                from jsonb_array_elements(history) with ordinality as h(entry, number)
                where number > jsonb_array_length(history) - 40)
        from letter
        on conflict do nothing
        returning message_id
      )
      update dead_letters d set status = 'replayed', settled_at = now(), settled_by = $3, settled_why = null
      from put_back where d.message_id = put_back.message_id`,
    values: [ask.merchantId, ask.messageId, ask.by],
  });
  return replayed === 1;
}

/** Settles an open letter without effect. False if it is not open. */
export async function discardDeadLetter(
  tx: Transaction,
  ask: { merchantId: string; messageId: string; by: string; why: string },
): Promise<boolean> {
  const discarded = await tx.execute({
    text: `
      update dead_letters set status = 'discarded', settled_at = now(), settled_by = $3, settled_why = $4
      where message_id = $2 and merchant_id = $1 and status = 'open'`,
    values: [ask.merchantId, ask.messageId, ask.by, ask.why],
  });
  return discarded === 1;
}
