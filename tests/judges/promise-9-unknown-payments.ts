import type { Evidence, Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, entriesByOrder, isLive, leftToPeople } from './lookups.ts';

type Payment = Tables['payments'][number];
type Entry = Evidence['theirs'][number];

/** At rest no payment is unknown, each says what the provider says, and the provider was never called unannounced. */
export const unknownPayments: Judge = {
  promise: 9,
  file: 'tests/judges/promise-9-unknown-payments.ts',
  compares: "each payment against the provider's word about it, and the provider's books against our intents",
  judge(evidence) {
    const { ours, theirs } = evidence;
    const entries = entriesByOrder(theirs);
    const people = leftToPeople(evidence);
    const open = byOrder(ours.dead_letters.filter(({ status }) => status === 'open'));
    const intents = new Set(
      ours.payment_attempts.flatMap(({ kind, provider_key }) => (kind === 'authorise' ? [provider_key] : [])),
    );
    return [
      ...ours.payments.flatMap((payment) => {
        const isLeft = people.has(payment.order_id) && open.has(payment.order_id);
        const says = isLeft ? null : faultOf(payment, entries.get(payment.order_id) ?? []);
        return says === null ? [] : [about(payment.order_id, says)];
      }),
      ...theirs
        .filter(({ key }) => !intents.has(key))
        .map(({ key, id }) => about(key, `the provider has ${id}, and no intent of ours was written before the call`)),
      ...ours.payments
        .filter(({ status, next_check_at }) => isUnsettled(status) !== (next_check_at !== null))
        .map(({ order_id, status }) => about(order_id, `is ${status}, and its time to be asked for does not fit that`)),
    ];
  },
};

function about(subject: string, says: string): Violation {
  return { promise: 9, subject: `payment of ${subject}`, says };
}

function isUnsettled(status: Payment['status']): boolean {
  return status === 'authorising' || status === 'unknown' || status === 'voiding';
}

/** What the provider says otherwise; null if the payment is settled, and as the provider has it. */
function faultOf(payment: Payment, entries: readonly Entry[]): string | null {
  const { status, provider_reference } = payment;
  const own = entries.find(({ id }) => id === provider_reference);
  const live = entries.filter(isLive).map(({ id }) => id);
  const theirs = entries.map((entry) => `${entry.id} ${entry.status}`).join(', ') || 'nothing';
  const differ = `is ${status}, and the provider has ${theirs}`;
  switch (status) {
    case 'authorising':
    case 'unknown':
    case 'voiding':
      return `is still ${status}, and the provider has ${theirs}`;
    case 'intended':
      return entries.length === 0 ? null : differ;
    case 'authorised':
      return own?.status === 'authorised' && own.amountMinor === payment.authorised_minor ? null : differ;
    case 'captured':
      return own?.status === 'captured' && own.capturedMinor === payment.captured_minor ? null : differ;
    case 'refunded':
      return own?.status === 'refunded' ? null : differ;
    case 'voided':
      // Taken meanwhile, and refunded by a person, is given back as well.
      return (own?.status === 'voided' || own?.status === 'refunded') && live.length === 0 ? null : differ;
    case 'declined':
      // Declined there, or given back before we heard of it: in both cases the provider has had our call.
      return entries.length > 0 && live.length === 0 ? null : differ;
    case 'abandoned':
      return live.length === 0 ? null : differ;
    default:
      return `is ${String(status)}, which is no status of a payment`;
  }
}
