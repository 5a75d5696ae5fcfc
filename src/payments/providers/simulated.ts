import { Type } from '@sinclair/typebox';
import { looksLikeCardNumber } from '../../shared/card-numbers.ts';
import { isRefused } from '../../shared/failure.ts';
import { parserOf } from '../../shared/schema.ts';
import type { Authorisation, ProviderOutcome } from '../provider.ts';

/** What came back from one call to the simulated provider; the outbound client's outcome has this form. */
export type CallOutcome =
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'could-not-post'; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What the call was about: an answer about another thing is nonsense, whatever its status. */
export type Asked =
  | { readonly key: string; readonly reference: string; readonly amountMinor: bigint; readonly currency: string }
  | { readonly providerReference: string };

/**
 * The one of five ways in which an authorise, capture, void or refund ended. Done and refused are said by the provider
 * in a form that is checked; retryable needs its promise that nothing was done; all else is unknown.
 */
export function outcomeOfChange(call: CallOutcome, asked: Asked): ProviderOutcome<Authorisation> {
  if (call.kind !== 'reply') return lost(call);
  const body = jsonOf(call.body);
  if (call.status === 200 || call.status === 201) {
    const value = authorisationOf(body);
    if (value === null) return { outcome: 'unknown', reason: `a ${call.status} that is no authorisation` };
    if (!isAbout(value, asked)) return { outcome: 'unknown', reason: `a ${call.status} about another authorisation` };
    if (value.status === 'declined') return { outcome: 'unknown', reason: 'a success that says declined' };
    return { outcome: 'done', value };
  }
  return failureOf(call.status, call.headers, body);
}

/** All that is known under our key, the first one made first; nothing if the provider never saw it. */
export function outcomeOfFind(call: CallOutcome, authoriseKey: string): ProviderOutcome<readonly Authorisation[]> {
  if (call.kind !== 'reply') return lost(call);
  const body = jsonOf(call.body);
  if (call.status !== 200) {
    const failure = failureOf(call.status, call.headers, body);
    // A question that is not answered stays open: there is nothing about it that the provider could decline.
    return failure.outcome === 'refused' ? { outcome: 'unknown', reason: failure.reason } : failure;
  }
  const found = parseFound(body);
  if (isRefused(found)) return { outcome: 'unknown', reason: 'a 200 that is no list of authorisations' };
  const all = found.value.authorisations.map(fromWire);
  if (!all.every((one) => mayBeKept(one.providerReference, one.declineCode))) {
    return { outcome: 'unknown', reason: 'a list of authorisations that must not be kept' };
  }
  if (!all.every((one) => one.authoriseKey === authoriseKey)) {
    return { outcome: 'unknown', reason: 'a list of authorisations under another key' };
  }
  return { outcome: 'done', value: all };
}

type Failure = Exclude<ProviderOutcome<never>, { outcome: 'done' }>;

function lost(call: Exclude<CallOutcome, { kind: 'reply' }>): Failure {
  if (call.kind === 'unknown') return { outcome: 'unknown', reason: call.reason };
  const { reason, retryAfterMs } = call;
  return { outcome: 'could-not-post', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Statuses of which this provider says that the request was understood and will not be done. */
const refusedStatuses: readonly number[] = [400, 402, 404, 409, 422];

function failureOf(status: number, headers: Readonly<Record<string, string>>, body: unknown): Failure {
  const parsed = parseError(body);
  const error = isRefused(parsed) || !mayBeKept(parsed.value.error.code) ? null : parsed.value.error;
  if (error !== null && refusedStatuses.includes(status)) {
    // The code alone: the message is the provider's, and may quote the token or what the buyer typed. What is a reason
    // here goes into rows, logs and the operator's screen.
    return { outcome: 'refused', code: error.code, reason: `refused as ${error.code}` };
  }
  // A wrong key of ours must not decline a buyer's payment: nothing was done, and an operator can mend it.
  if (error !== null && (status === 401 || status === 403))
    return { outcome: 'retryable', reason: 'our key is not accepted' };
  if (status === 429 || (status === 503 && error?.acted === false)) {
    return { outcome: 'retryable', reason: `status ${status}`, ...retryAfter(headers['retry-after']) };
  }
  return { outcome: 'unknown', reason: `status ${status}` };
}

const retryAfterSecondsMax = 3_600;

function retryAfter(header: string | undefined): { retryAfterMs?: number } {
  if (header === undefined || !/^\d{1,9}$/.test(header)) return {};
  return { retryAfterMs: Math.min(Number(header), retryAfterSecondsMax) * 1_000 };
}

/**
 * Of what a provider says, these are kept: in rows, events and on screens. With a card's number in one of them the
 * answer is nonsense, and so the outcome is unknown. All else that it says is dropped, whatever it holds.
 */
function mayBeKept(...texts: readonly (string | null)[]): boolean {
  return !texts.some((text) => text !== null && looksLikeCardNumber(text));
}

const minor = Type.Integer({ minimum: 0, maximum: 10_000_000_000_000 });
const text = Type.String({ minLength: 1, maxLength: 255 });
const authorisationSchema = Type.Object({
  id: text,
  key: text,
  reference: text,
  status: Type.Union(
    (['authorised', 'declined', 'voided', 'captured', 'refunded'] as const).map((status) => Type.Literal(status)),
  ),
  currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  amount_minor: minor,
  captured_minor: minor,
  refunded_minor: minor,
  decline_code: Type.Union([Type.Null(), text]),
});
const parseAuthorisation = parserOf(authorisationSchema);
const parseFound = parserOf(Type.Object({ authorisations: Type.Array(authorisationSchema, { maxItems: 100 }) }));
const parseError = parserOf(
  Type.Object({
    error: Type.Object({
      code: Type.String({ pattern: '^[a-z0-9_]{1,64}$' }),
      message: Type.String({ maxLength: 1_000 }),
      acted: Type.Optional(Type.Boolean()),
    }),
  }),
);

/** An authorisation as the provider writes it, in an answer or as the `data` of a webhook; null if it is none. */
export function authorisationOf(json: unknown): Authorisation | null {
  const parsed = parseAuthorisation(json);
  if (isRefused(parsed) || !mayBeKept(parsed.value.id, parsed.value.decline_code)) return null;
  return fromWire(parsed.value);
}

type Wire = {
  id: string;
  key: string;
  reference: string;
  status: Authorisation['status'];
  currency: string;
  amount_minor: number;
  captured_minor: number;
  refunded_minor: number;
  decline_code: string | null;
};

function fromWire(wire: Wire): Authorisation {
  return {
    providerReference: wire.id,
    authoriseKey: wire.key,
    reference: wire.reference,
    status: wire.status,
    currency: wire.currency,
    authorisedMinor: BigInt(wire.amount_minor),
    capturedMinor: BigInt(wire.captured_minor),
    refundedMinor: BigInt(wire.refunded_minor),
    declineCode: wire.decline_code,
  };
}

function isAbout(value: Authorisation, asked: Asked): boolean {
  if ('providerReference' in asked) return value.providerReference === asked.providerReference;
  return (
    value.authoriseKey === asked.key &&
    value.reference === asked.reference &&
    value.authorisedMinor === asked.amountMinor &&
    value.currency === asked.currency
  );
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
