import type { Queryable, SetStatement, Transaction } from '../shared/postgres/client.ts';
import { Secret } from '../shared/secret.ts';
import type { PaymentMove } from './decide.ts';
import type { PaymentStatus } from './payment.ts';

export type AttemptKind = 'authorise' | 'void';

export type Attempt = { readonly calls: number; readonly outcome: string; readonly msSinceLastCall: number | null };

export type Intent = {
  readonly orderId: string;
  readonly paymentId: string;
  readonly merchantId: string;
  readonly kind: AttemptKind;
  readonly providerKey: string;
  readonly amountMinor: bigint;
};

/**
 * Writes the intent of a call, before the call. A repetition counts up the calls of the same attempt (promise 2: one of
 * a kind per order). Gives how many calls there are with this one.
 */
export async function intend(tx: Transaction, intent: Intent): Promise<number> {
  return await tx.each(intendAll, intent);
}

const intendAll: SetStatement<Intent, number> = async (db, intents) => {
  const rows = await db.query<{ orderId: string; kind: AttemptKind; calls: number }>({
    name: 'intend_payment_calls',
    text: `
      insert into payment_attempts
        (order_id, kind, payment_id, merchant_id, provider_key, amount_minor, calls, outcome, last_called_at)
      select order_id, kind, payment_id, merchant_id, provider_key, amount_minor, 1, 'intended', now()
      from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[])
        as i(order_id, kind, payment_id, merchant_id, provider_key, amount_minor)
      on conflict (order_id, kind) do update
        set calls = payment_attempts.calls + 1, last_called_at = now(), outcome = 'intended', settled_at = null
      returning order_id as "orderId", kind, calls`,
    values: [
      intents.map(({ orderId }) => orderId),
      intents.map(({ kind }) => kind),
      intents.map(({ paymentId }) => paymentId),
      intents.map(({ merchantId }) => merchantId),
      intents.map(({ providerKey }) => providerKey),
      intents.map(({ amountMinor }) => amountMinor),
    ],
  });
  const calls = new Map(rows.map((row) => [`${row.orderId} ${row.kind}`, row.calls]));
  return intents.map(({ orderId, kind }) => calls.get(`${orderId} ${kind}`) ?? 1);
};

type AttemptKey = { readonly orderId: string; readonly kind: AttemptKind };

export async function attemptOf(tx: Transaction, orderId: string, kind: AttemptKind): Promise<Attempt | null> {
  return await tx.each(readAttempts, { orderId, kind });
}

const readAttempts: SetStatement<AttemptKey, Attempt | null> = async (db, keys) => {
  const rows = await db.query<Attempt & AttemptKey>({
    name: 'payment_attempts_of',
    text: `
      select a.order_id as "orderId", a.kind, a.calls, a.outcome,
             (extract(epoch from now() - a.last_called_at) * 1000)::float8 as "msSinceLastCall"
      from unnest($1::uuid[], $2::text[]) as wanted(order_id, kind)
      join payment_attempts a on a.order_id = wanted.order_id and a.kind = wanted.kind
      limit 1000`,
    values: [keys.map(({ orderId }) => orderId), keys.map(({ kind }) => kind)],
  });
  const byKey = new Map(rows.map(({ orderId, kind, ...attempt }) => [`${orderId} ${kind}`, attempt]));
  return keys.map(({ orderId, kind }) => byKey.get(`${orderId} ${kind}`) ?? null);
};

type CallEnd = AttemptKey & { readonly outcome: string; readonly reason: string | null };

/** How a call ended. `done` and `refused` settle the attempt. */
export async function recordOutcome(tx: Transaction, result: CallEnd): Promise<void> {
  await tx.each(recordOutcomes, result);
}

const recordOutcomes: SetStatement<CallEnd, void> = async (db, ends) => {
  await db.execute({
    name: 'record_payment_outcomes',
    text: `
      update payment_attempts a
      set outcome = x.outcome, reason = x.reason,
          settled_at = case when x.outcome in ('done', 'refused') then now() end
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as x(order_id, kind, outcome, reason)
      where a.order_id = x.order_id and a.kind = x.kind`,
    values: [
      ends.map(({ orderId }) => orderId),
      ends.map(({ kind }) => kind),
      ends.map(({ outcome }) => outcome),
      ends.map(({ reason }) => reason?.slice(0, 500) ?? null),
    ],
  });
  return ends.map(() => undefined);
};

type OrderMove = PaymentMove & { readonly orderId: string };

/** Moves a payment, as a decision says. */
export async function movePayment(tx: Transaction, change: OrderMove): Promise<void> {
  await tx.each(movePayments, change);
}

const movePayments: SetStatement<OrderMove, void> = async (db, moves) => {
  await db.execute({
    name: 'move_payments',
    text: `
      update payments p
      set status_since = case when p.status = x.status then p.status_since else now() end,
          status = x.status,
          next_check_at = now() + x.check_in_ms * interval '1 millisecond',
          authorised_minor = coalesce(x.authorised_minor, p.authorised_minor),
          provider_reference = coalesce(x.provider_reference, p.provider_reference),
          decline_code = coalesce(x.decline_code, p.decline_code)
      from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
        as x(order_id, status, check_in_ms, authorised_minor, provider_reference, decline_code)
      where p.order_id = x.order_id`,
    values: [
      moves.map(({ orderId }) => orderId),
      moves.map(({ status }) => status),
      moves.map(({ checkInMs }) => checkInMs),
      moves.map(({ authorisedMinor }) => authorisedMinor ?? null),
      moves.map(({ providerReference }) => providerReference ?? null),
      moves.map(({ declineCode }) => declineCode?.slice(0, 64) ?? null),
    ],
  });
  return moves.map(() => undefined);
};

/** The provider's token of the buyer's payment method. */
export async function tokenOf(tx: Transaction, orderId: string): Promise<Secret | null> {
  return await tx.each(readTokens, orderId);
}

const readTokens: SetStatement<string, Secret | null> = async (db, orderIds) => {
  const rows = await db.query<{ orderId: string; token: string }>({
    name: 'payment_tokens',
    text: 'select order_id as "orderId", token from payments where order_id = any($1::uuid[])',
    values: [orderIds],
  });
  const byId = new Map(rows.map(({ orderId, token }) => [orderId, new Secret(token)]));
  return orderIds.map((orderId) => byId.get(orderId) ?? null);
};

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
