import { createHash } from 'node:crypto';
import { never } from '../../src/shared/assert.ts';
import { isCurrency } from '../../src/shared/money.ts';
import { type Authorisation, type Books, type Entry, statusOf, underKey, type WebhookPlan } from './books.ts';
import { parseToken } from './tokens.ts';

/** A request that changes something, parsed. `key` is the caller's idempotency key. */
export type ChangeRequest =
  | {
      readonly operation: 'authorise';
      readonly key: string;
      readonly amount_minor: number;
      readonly currency: string;
      readonly token: string;
      readonly reference: string;
    }
  | {
      readonly operation: 'capture' | 'refund';
      readonly key: string;
      readonly authorisation: string;
      readonly amount_minor: number;
      readonly currency: string;
    }
  | { readonly operation: 'void'; readonly key: string; readonly authorisation: string }
  /** Voids whatever is under an authorise call's key, and declines that call if it arrives only now. */
  | { readonly operation: 'cancel'; readonly key: string; readonly authorise_key: string };

export type Surroundings = {
  readonly nowMs: number;
  readonly newId: () => string;
  /** How the event of this type is to be delivered; null for not at all. */
  readonly webhook: (eventType: string) => Omit<WebhookPlan, 'id'> | null;
  /** Declines with this code whatever the books say. */
  readonly declineCode?: string;
  /** Makes the authorisation twice: the provider's own fault. */
  readonly twice?: boolean;
};

/** The entries to write, after which the answer stands under the key; or an answer that leaves no trace. */
export type Decision =
  | { readonly decided: 'write'; readonly entries: readonly Entry[] }
  | { readonly decided: 'answer'; readonly status: number; readonly body: object };

export const amountMinorMax = 10_000_000_000_000;

/**
 * Decides one request against the books. The same request under the same key is answered as before; another request
 * under it is refused with 409. Nothing is captured beyond what was authorised, nor refunded beyond what was captured.
 */
export function decide(books: Books, request: ChangeRequest, around: Surroundings): Decision {
  const fingerprint = fingerprintOf(request);
  const before = books.answers.get(request.key);
  if (before !== undefined) {
    if (before.fingerprint === fingerprint) return { decided: 'answer', status: before.status, body: before.body };
    return answer(409, 'idempotency_key_reused', 'This key was used for another request.');
  }
  const refuse = (code: string, message: string): Decision => ({
    decided: 'write',
    entries: [{ type: 'refused', key: request.key, fingerprint, status: 422, code, message }],
  });
  if (request.operation === 'authorise') {
    if (!isCurrency(request.currency)) return answer(422, 'currency_unknown', 'The currency is not of ISO 4217.');
    return { decided: 'write', entries: authorise(books, request, fingerprint, around) };
  }
  if (around.declineCode !== undefined) return refuse(around.declineCode, 'The request was declined.');
  if (request.operation === 'cancel') return cancel(books, request, fingerprint, around, refuse);
  const authorisation = books.authorisations.get(request.authorisation);
  if (authorisation === undefined) return answer(404, 'authorisation_not_found', 'There is no such authorisation.');
  const refusal = refusalOf(request, authorisation);
  if (refusal !== null) return refuse(refusal.code, refusal.message);
  if (request.operation === 'void' && authorisation.voided) {
    return {
      decided: 'write',
      entries: [{ type: 'noted', authorisation: authorisation.id, key: request.key, fingerprint }],
    };
  }
  return { decided: 'write', entries: [move(request, authorisation, fingerprint, around)] };
}

function authorise(
  books: Books,
  request: Extract<ChangeRequest, { operation: 'authorise' }>,
  fingerprint: string,
  around: Surroundings,
): Entry[] {
  const { key, reference, token, currency, amount_minor } = request;
  const late = books.cancelledKeys.has(key) ? 'cancelled' : null;
  const declineCode = late ?? around.declineCode ?? parseToken(token).declineCode;
  const entry = (twin: boolean): Entry => ({
    type: 'authorised',
    id: `auth_${around.newId()}`,
    key,
    fingerprint,
    reference,
    token,
    currency,
    amount_minor,
    decline_code: declineCode,
    at_ms: around.nowMs,
    ...announced(`authorisation.${declineCode === null ? 'authorised' : 'declined'}`, around),
    ...(twin ? { twin: true as const } : {}),
  });
  return around.twice === true && declineCode === null ? [entry(false), entry(true)] : [entry(false)];
}

function cancel(
  books: Books,
  request: Extract<ChangeRequest, { operation: 'cancel' }>,
  fingerprint: string,
  around: Surroundings,
  refuse: (code: string, message: string) => Decision,
): Decision {
  const found = underKey(books, request.authorise_key);
  if (found.some((one) => one.captured_minor > 0)) return refuse('already_captured', 'It was captured: refund it.');
  const standing = found.filter((one) => statusOf(one) === 'authorised');
  const entries = standing.map((one) => move({ operation: 'void', key: request.key }, one, fingerprint, around));
  const { authorise_key, key } = request;
  return { decided: 'write', entries: [...entries, { type: 'cancelled', authorise_key, key, fingerprint }] };
}

type Movable = Extract<ChangeRequest, { authorisation: string }>;

function refusalOf(request: Movable, authorisation: Authorisation): { code: string; message: string } | null {
  if (authorisation.decline_code !== null) {
    return { code: 'authorisation_declined', message: 'The authorisation was declined.' };
  }
  if (request.operation === 'void') {
    if (authorisation.captured_minor === 0) return null;
    return { code: 'already_captured', message: 'It was captured: refund it.' };
  }
  if (authorisation.voided) return { code: 'authorisation_voided', message: 'The authorisation was voided.' };
  if (request.currency !== authorisation.currency) {
    return { code: 'currency_mismatch', message: `The authorisation is in ${authorisation.currency}.` };
  }
  const { amount_minor, captured_minor, refunded_minor } = authorisation;
  if (request.operation === 'capture') {
    if (request.amount_minor <= amount_minor - captured_minor) return null;
    return { code: 'amount_exceeds_authorised', message: `At most ${amount_minor - captured_minor} can be captured.` };
  }
  if (request.amount_minor <= captured_minor - refunded_minor) return null;
  return { code: 'amount_exceeds_captured', message: `At most ${captured_minor - refunded_minor} can be refunded.` };
}

function move(
  request: { operation: 'capture' | 'refund'; key: string; amount_minor: number } | { operation: 'void'; key: string },
  authorisation: Authorisation,
  fingerprint: string,
  around: Surroundings,
): Entry {
  const kind = kindOf(request.operation);
  return {
    type: 'moved',
    kind,
    id: `mov_${around.newId()}`,
    authorisation: authorisation.id,
    key: request.key,
    fingerprint,
    amount_minor: request.operation === 'void' ? authorisation.amount_minor : request.amount_minor,
    at_ms: around.nowMs,
    ...announced(`authorisation.${kind}`, around),
  };
}

function kindOf(operation: 'capture' | 'refund' | 'void'): 'captured' | 'refunded' | 'voided' {
  switch (operation) {
    case 'capture':
      return 'captured';
    case 'refund':
      return 'refunded';
    case 'void':
      return 'voided';
    default:
      return never(operation, 'kind of movement');
  }
}

function announced(eventType: string, around: Surroundings): { webhook?: WebhookPlan } {
  const plan = around.webhook(eventType);
  return plan === null ? {} : { webhook: { id: `evt_${around.newId()}`, ...plan } };
}

function answer(status: number, code: string, message: string): Decision {
  return { decided: 'answer', status, body: { error: { code, message } } };
}

/** Everything that makes the request what it is, but its key. */
function fingerprintOf(request: ChangeRequest): string {
  const { key: _, ...rest } = request;
  const text = JSON.stringify(Object.entries(rest).sort(([left], [right]) => (left < right ? -1 : 1)));
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
