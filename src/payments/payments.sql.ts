import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import { Secret } from '../shared/secret.ts';
import type { PaymentMove } from './decide.ts';
import type { PaymentStatus } from './payment.ts';

export type AttemptKind = 'authorise' | 'void';

export type Attempt = { readonly calls: number; readonly outcome: string; readonly msSinceLastCall: number | null };

/**
 * Writes the intent of a call, before the call. A repetition counts up the calls of the same attempt (promise 2: one of
 * a kind per order). Gives how many calls there are with this one.
 */
export async function intend(
  tx: Transaction,
  intent: {
    orderId: string;
    paymentId: string;
    merchantId: string;
    kind: AttemptKind;
    providerKey: string;
    amountMinor: bigint;
  },
): Promise<number> {
  const rows = await tx.query<{ calls: number }>({
    name: 'intend_payment_call',
    text: `
      insert into payment_attempts
        (order_id, kind, payment_id, merchant_id, provider_key, amount_minor, calls, outcome, last_called_at)
      values ($1, $2, $3, $4, $5, $6, 1, 'intended', now())
      on conflict (order_id, kind) do update
        set calls = payment_attempts.calls + 1, last_called_at = now(), outcome = 'intended', settled_at = null
      returning calls`,
    values: [intent.orderId, intent.kind, intent.paymentId, intent.merchantId, intent.providerKey, intent.amountMinor],
  });
  return rows[0]?.calls ?? 1;
}

export async function attemptOf(db: Queryable, orderId: string, kind: AttemptKind): Promise<Attempt | null> {
  const rows = await db.query<Attempt>({
    name: 'payment_attempt_of',
    text: `
      select calls, outcome,
             (extract(epoch from now() - last_called_at) * 1000)::float8 as "msSinceLastCall"
      from payment_attempts where order_id = $1 and kind = $2`,
    values: [orderId, kind],
  });
  return rows[0] ?? null;
}

/** How a call ended. `done` and `refused` settle the attempt. */
export async function recordOutcome(
  tx: Transaction,
  result: { orderId: string; kind: AttemptKind; outcome: string; reason: string | null },
): Promise<void> {
  await tx.execute({
    name: 'record_payment_outcome',
    text: `
      update payment_attempts
      set outcome = $3, reason = $4, settled_at = case when $3 in ('done', 'refused') then now() end
      where order_id = $1 and kind = $2`,
    values: [result.orderId, result.kind, result.outcome, result.reason?.slice(0, 500) ?? null],
  });
}

/** Moves a payment, as a decision says. */
export async function movePayment(tx: Transaction, change: PaymentMove & { readonly orderId: string }): Promise<void> {
  await tx.execute({
    name: 'move_payment',
    text: `
      update payments
      set status_since = case when status = $2 then status_since else now() end,
          status = $2,
          next_check_at = now() + $3::bigint * interval '1 millisecond',
          authorised_minor = coalesce($4, authorised_minor),
          provider_reference = coalesce($5, provider_reference),
          decline_code = coalesce($6, decline_code)
      where order_id = $1`,
    values: [
      change.orderId,
      change.status,
      change.checkInMs,
      change.authorisedMinor ?? null,
      change.providerReference ?? null,
      change.declineCode?.slice(0, 64) ?? null,
    ],
  });
}

/** The provider's token of the buyer's payment method. */
export async function tokenOf(db: Queryable, orderId: string): Promise<Secret | null> {
  const rows = await db.query<{ token: string }>({
    name: 'payment_token',
    text: 'select token from payments where order_id = $1',
    values: [orderId],
  });
  return rows[0] === undefined ? null : new Secret(rows[0].token);
}

/**
 * Payments whose time to be asked for has come, longest overdue first. One whose undo is parked is left to the sweeper
 * of parked undos, which replays its letter slowly.
 */
export async function paymentsToCheck(
  db: Queryable,
  count: number,
): Promise<{ orderId: string; merchantId: string; status: PaymentStatus }[]> {
  return await db.query({
    name: 'payments_to_check',
    text: `
      select order_id as "orderId", merchant_id as "merchantId", status from payments
      where next_check_at < now()
        and not exists (
          select 1 from saga_steps s where s.order_id = payments.order_id and s.undo = 'parked'
        )
      order by next_check_at
      limit $1`,
    values: [count],
  });
}

/** Puts the next check off, so that a payment that was just sent for is not sent for again at once. */
export async function postponeChecks(tx: Transaction, orderIds: readonly string[], checkInMs: number): Promise<void> {
  await tx.execute({
    name: 'postpone_payment_checks',
    text: `
      update payments set next_check_at = now() + $2::bigint * interval '1 millisecond'
      where order_id = any($1::uuid[]) and next_check_at is not null`,
    values: [orderIds, checkInMs],
  });
}
