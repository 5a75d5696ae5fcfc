import type { StepOutcome } from '../sagas/saga.ts';
import type { UndoOutcome } from '../sagas/steps.ts';
import { assert, never } from '../shared/assert.ts';
import type { Payment, PaymentStatus } from './payment.ts';
import type { Authorisation, ProviderOutcome } from './provider.ts';
import type { PaymentTimings } from './timings.ts';

/** What becomes of a payment's row, in the transaction of the decision. */
export type PaymentMove = {
  readonly status: PaymentStatus;
  /** When the provider is to be asked if nothing else settles it (promise 9); null once it is settled. */
  readonly checkInMs: number | null;
  readonly authorisedMinor?: bigint;
  readonly providerReference?: string;
  readonly declineCode?: string | null;
};

/** What follows from the end of a call, all of it in one transaction with the end of the message. */
export type Settled<Outcome> = {
  readonly move: PaymentMove | null;
  readonly outcome: Outcome;
  /** References of authorisations that stand beside ours, each to be voided by a message of its own. */
  readonly strays: readonly string[];
  /** The provider is asked once more later: what was on its way may have arrived by then. */
  readonly looksAgain: boolean;
};

export type AuthoriseBegin =
  | { readonly begin: 'answer'; readonly outcome: StepOutcome }
  /** `askFirst`: a call was made before and its end is not known, so it is asked for before it is made again. */
  | { readonly begin: 'call'; readonly askFirst: boolean; readonly move: PaymentMove };

/** What the authorisation step does with the payment as it stands. */
export function beginAuthorise(payment: Payment, timings: PaymentTimings): AuthoriseBegin {
  const { status } = payment;
  if (status === 'authorised') return { begin: 'answer', outcome: { outcome: 'done', detail: 'authorised before' } };
  if (status === 'declined') return { begin: 'answer', outcome: declined(payment.declineCode, null) };
  assert(
    ['intended', 'authorising', 'unknown'].includes(status),
    `a payment to be authorised, not one that is ${status}`,
  );
  const next = status === 'unknown' ? 'unknown' : 'authorising';
  return { begin: 'call', askFirst: status !== 'intended', move: { status: next, checkInMs: timings.checkAfterMs } };
}

/** The authorisations under our key, as the provider has them; the first one made comes first. */
export type FoundAuthorisations = readonly Authorisation[];

/** Of several authorisations under our key, which are the provider's own fault, the one that is our payment. */
export function oursOf(found: FoundAuthorisations, reference: string | null): Authorisation | null {
  return found.find((each) => each.providerReference === reference) ?? found.find(holdsMoney) ?? found[0] ?? null;
}

function holdsMoney(authorisation: Authorisation): boolean {
  return authorisation.status === 'authorised' || authorisation.status === 'captured';
}

/**
 * What follows from the answer to an authorise call, or to the question what became of it. `isGoingBack`: the saga went
 * back meanwhile; then the payment belongs to its undo, and the step only notes that there is money to give back.
 * `calls`: how often the call was made, this time included.
 */
export function afterAuthorise(
  payment: Payment,
  answer: ProviderOutcome<FoundAuthorisations>,
  facts: { readonly isGoingBack: boolean; readonly calls: number; readonly timings: PaymentTimings },
): Settled<StepOutcome> {
  const { isGoingBack, timings } = facts;
  const nothing = { move: null, strays: [], looksAgain: false };
  switch (answer.outcome) {
    case 'done':
      return afterFound(payment, answer.value, facts);
    case 'refused':
      return {
        ...nothing,
        move: isGoingBack ? null : declinedMove(answer.code),
        outcome: declined(answer.code, payment),
      };
    case 'unknown': {
      const move: PaymentMove = { status: 'unknown', checkInMs: timings.checkAfterMs };
      const outcome = { outcome: 'again' as const, reason: `the outcome is unknown: ${answer.reason}` };
      return { ...nothing, move: isGoingBack ? null : move, outcome };
    }
    case 'retryable':
    case 'could-not-post':
      return { ...nothing, outcome: again(answer.reason, answer.retryAfterMs) };
    default:
      return never(answer, 'the end of an authorise call');
  }
}

function afterFound(
  payment: Payment,
  found: FoundAuthorisations,
  facts: { readonly isGoingBack: boolean; readonly calls: number; readonly timings: PaymentTimings },
): Settled<StepOutcome> {
  const { isGoingBack, calls, timings } = facts;
  const ours = oursOf(found, payment.providerReference);
  assert(ours !== null, 'an authorisation in the answer of the provider');
  if (!holdsMoney(ours)) {
    // Declined; or given back at the provider by somebody else before we heard of it, which is no payment either.
    const code = ours.declineCode ?? ours.status;
    const move = isGoingBack ? null : declinedMove(code);
    return { move, outcome: declined(code, payment), strays: [], looksAgain: false };
  }
  // Never more than the buyer agreed to, in the agreed currency (promises 2 and 8); anything else is a provider's bug.
  assert(ours.authorisedMinor === payment.amountMinor, 'the provider authorised the amount of the order');
  assert(ours.currency === payment.currency, 'the provider authorised in the currency of the order');
  const { providerReference, authorisedMinor } = ours;
  const authorised = { amount_minor: Number(authorisedMinor), currency: payment.currency };
  const data = { provider: payment.provider, provider_reference: providerReference, authorised };
  return {
    move: {
      status: isGoingBack ? 'voiding' : 'authorised',
      checkInMs: isGoingBack ? timings.checkAfterMs : null,
      authorisedMinor,
      providerReference,
    },
    outcome: {
      outcome: 'done',
      detail: `authorised as ${providerReference}`,
      events: [{ type: 'PaymentAuthorized', data }],
    },
    // The undo of an order that goes back finds and voids all of them by itself.
    strays: isGoingBack ? [] : straysOf(found, providerReference),
    // Several calls under one key: one that was given up may still be under way, and act.
    looksAgain: !isGoingBack && calls > 1,
  };
}

function straysOf(found: FoundAuthorisations, reference: string): string[] {
  return found
    .filter((each) => each.status === 'authorised' && each.providerReference !== reference)
    .map((each) => each.providerReference);
}

function declinedMove(code: string): PaymentMove {
  return { status: 'declined', checkInMs: null, declineCode: code };
}

/** The event is told once: not by a step that only finds that the payment was declined before. */
function declined(declineCode: string | null, payment: Payment | null): StepOutcome {
  const code = declineCode ?? 'declined';
  const data = { provider: payment?.provider ?? '', decline_code: code.slice(0, 255) };
  const events = payment === null ? [] : [{ type: 'PaymentDeclined' as const, data }];
  return { outcome: 'refused', code: 'payment_failed', detail: `declined: ${code}`, events };
}

function again(
  reason: string,
  retryAfterMs: number | undefined,
): { outcome: 'again'; reason: string; retryAfterMs?: number } {
  return retryAfterMs === undefined ? { outcome: 'again', reason } : { outcome: 'again', reason, retryAfterMs };
}

export type VoidBegin =
  | { readonly begin: 'answer'; readonly move: PaymentMove | null; readonly outcome: UndoOutcome }
  | { readonly begin: 'call'; readonly move: PaymentMove };

/** What the undo of the authorisation does with the payment as it stands. */
export function beginVoid(payment: Payment, timings: PaymentTimings): VoidBegin {
  if (payment.status === 'declined') {
    return { begin: 'answer', move: null, outcome: { outcome: 'done', detail: 'declined, nothing to void' } };
  }
  if (payment.status === 'intended') {
    const outcome = { outcome: 'done' as const, detail: 'the provider was never called' };
    return { begin: 'answer', move: { status: 'abandoned', checkInMs: null }, outcome };
  }
  return { begin: 'call', move: { status: 'voiding', checkInMs: timings.checkAfterMs } };
}

/** How an undo found or left the money. */
export type VoidEnd =
  | { readonly end: 'voided'; readonly providerReference: string; readonly authorisedMinor: bigint }
  | { readonly end: 'declined'; readonly declineCode: string | null }
  | { readonly end: 'absent' }
  | { readonly end: 'captured' }
  | { readonly end: 'open'; readonly reason: string; readonly retryAfterMs?: number };

/** What is to be voided when an order goes back, and how it ended once all of that is done. */
export type GiveBack = { readonly live: FoundAuthorisations; readonly end: VoidEnd };

export function decideGiveBack(found: FoundAuthorisations, reference: string | null): GiveBack {
  const live = found.filter((each) => each.status === 'authorised');
  // Money that was taken cannot be voided: a person refunds it, whatever else stands under the key. Then it is back.
  if (found.some((each) => each.status === 'captured')) return { live, end: { end: 'captured' } };
  const ours = oursOf(found, reference);
  if (ours === null) return { live, end: { end: 'absent' } };
  const { providerReference, authorisedMinor, declineCode } = ours;
  if (ours.status === 'declined') return { live, end: { end: 'declined', declineCode } };
  return { live, end: { end: 'voided', providerReference, authorisedMinor } };
}

/**
 * What follows from the end of an undo. What the provider does not know is not yet gone: a call may still be on its
 * way, so absence is believed only once `waitMs` (what is left of the longest call) is over, and is looked at again
 * later.
 */
export function afterVoid(payment: Payment, end: VoidEnd, waitMs: number): Settled<UndoOutcome> {
  const nothing = { move: null, strays: [], looksAgain: false };
  switch (end.end) {
    case 'voided': {
      const { providerReference, authorisedMinor } = end;
      const data = { provider: payment.provider, provider_reference: providerReference };
      return {
        ...nothing,
        move: { status: 'voided', checkInMs: null, providerReference, authorisedMinor },
        outcome: { outcome: 'done', detail: `voided ${providerReference}`, events: [{ type: 'PaymentVoided', data }] },
      };
    }
    case 'declined': {
      const move: PaymentMove = { status: 'declined', checkInMs: null, declineCode: end.declineCode };
      return { ...nothing, move, outcome: { outcome: 'done', detail: 'asked: it was declined' } };
    }
    case 'absent': {
      if (waitMs > 0) return { ...nothing, outcome: again('the provider does not know the payment yet', waitMs) };
      const outcome = { outcome: 'done' as const, detail: 'asked: the provider never saw it' };
      return { ...nothing, move: { status: 'abandoned', checkInMs: null }, outcome, looksAgain: true };
    }
    case 'captured': {
      const reason = 'the provider has captured the payment: it must be refunded by a person';
      return { ...nothing, outcome: again(reason, undefined) };
    }
    case 'open':
      return { ...nothing, outcome: again(end.reason, end.retryAfterMs) };
    default:
      return never(end, 'the end of a void');
  }
}

/** What a comparison of our payment with the provider's word leads to. */
export type CheckDecision =
  | { readonly check: 'agrees' }
  /** Money under the key of an order that went back: it has come late, and is given back. */
  | { readonly check: 'send-back'; readonly found: Authorisation }
  /** The money that we count on is not there: a person must look. */
  | { readonly check: 'lost'; readonly theirs: string }
  | { readonly check: 'strays'; readonly references: readonly string[] };

/** Compares a payment that is settled here with what the provider has under our key. */
export function decideCheck(payment: Payment, found: FoundAuthorisations): CheckDecision {
  const { status, providerReference } = payment;
  if (status === 'declined' || status === 'abandoned' || status === 'voided') {
    const live = found.find((each) => each.status === 'authorised');
    return live === undefined ? { check: 'agrees' } : { check: 'send-back', found: live };
  }
  if (status !== 'authorised' || providerReference === null) return { check: 'agrees' };
  const ours = found.find((each) => each.providerReference === providerReference);
  if (ours === undefined) return { check: 'lost', theirs: 'nothing under our key' };
  if (!holdsMoney(ours)) return { check: 'lost', theirs: ours.status };
  const references = straysOf(found, providerReference);
  return references.length === 0 ? { check: 'agrees' } : { check: 'strays', references };
}

/** Whether our own call may still bring a reference. */
export function awaitsAnswer(payment: Pick<Payment, 'status' | 'providerReference'>): boolean {
  return (
    payment.providerReference === null && ['intended', 'authorising', 'unknown', 'voiding'].includes(payment.status)
  );
}

/** Which question an event leads to. It is a hint and never evidence: it changes nothing by itself. */
export type HintDecision = {
  /** The reference that it names may be a second authorisation under our key. */
  readonly mayBeStray: boolean;
  /** The provider is asked how the payment stands. */
  readonly asks: boolean;
};

/**
 * What to make of an event about a payment. The usual one tells of what we did ourselves a moment ago; asking the
 * provider about it would double its load.
 */
export function decideHint(
  event: { readonly type: string; readonly providerReference: string },
  payment: { readonly status: string; readonly providerReference: string | null },
): HintDecision {
  const known = payment.providerReference;
  const mayBeStray = event.type === 'authorisation.authorised' && known !== event.providerReference;
  const saysWhatWeKnow = event.type === `authorisation.${payment.status}` && event.providerReference === known;
  return { mayBeStray, asks: !(mayBeStray && known !== null) && !saysWhatWeKnow };
}
