/**
 * The provider's books: authorisations, their movements, the answer given under each key, and the webhooks still
 * to be delivered. They are what the journal's entries make of them, so replaying the journal gives the same books.
 *
 * Amounts are whole JSON numbers of minor units here, as on the provider's wire; the API refuses those over 10^13.
 */
export type Books = {
  /** By id, in the order in which they were made. */
  readonly authorisations: Map<string, Authorisation>;
  /** Ids of the authorisations under each key of an authorise call: two or more is a double charge of its own. */
  readonly byKey: Map<string, string[]>;
  readonly answers: Map<string, Answer>;
  /** How often a request arrived under each key. */
  readonly arrivals: Map<string, number>;
  /** Keys of authorise calls that were cancelled: one that arrives late is declined. */
  readonly cancelledKeys: Set<string>;
  readonly deliveries: Map<string, Delivery>;
  deliveredCount: number;
  abandonedCount: number;
};

export type Movement = {
  readonly id: string;
  readonly kind: 'captured' | 'voided' | 'refunded';
  readonly key: string;
  readonly amount_minor: number;
  readonly at_ms: number;
};

export type Authorisation = {
  readonly id: string;
  readonly key: string;
  readonly reference: string;
  readonly token: string;
  readonly currency: string;
  readonly amount_minor: number;
  readonly decline_code: string | null;
  readonly created_at_ms: number;
  readonly movements: Movement[];
  captured_minor: number;
  refunded_minor: number;
  voided: boolean;
};

export type AuthorisationStatus = 'authorised' | 'declined' | 'voided' | 'captured' | 'refunded';

/** An authorisation as callers and webhooks see it. */
export type AuthorisationView = {
  readonly id: string;
  readonly key: string;
  readonly reference: string;
  readonly status: AuthorisationStatus;
  readonly currency: string;
  readonly amount_minor: number;
  readonly captured_minor: number;
  readonly refunded_minor: number;
  readonly decline_code: string | null;
  readonly created_at: string;
};

/** What was answered under a key, to be answered again. `fingerprint` tells the same request from another one. */
export type Answer = { readonly fingerprint: string; readonly status: number; readonly body: object };

export type WebhookPlan = {
  readonly id: string;
  readonly copies: 1 | 2;
  readonly delay_ms: number;
  /** The first attempt is made before the answer to the request leaves. */
  readonly early: boolean;
  /** Held until a later event of the same authorisation has been delivered, or the delay is over. */
  readonly behind_next: boolean;
};

export type Delivery = {
  readonly plan: WebhookPlan;
  readonly authorisation: string;
  /** The body: what is signed and sent, the same at each attempt. */
  readonly body: string;
};

/** One line of the journal. */
export type Entry =
  | {
      readonly type: 'authorised';
      readonly id: string;
      readonly key: string;
      readonly fingerprint: string;
      readonly reference: string;
      readonly token: string;
      readonly currency: string;
      readonly amount_minor: number;
      readonly decline_code: string | null;
      readonly at_ms: number;
      readonly webhook?: WebhookPlan;
      /** Made a second time under the same key, by a fault. The answer stays that of the first. */
      readonly twin?: true;
    }
  | {
      readonly type: 'moved';
      readonly kind: Movement['kind'];
      readonly id: string;
      readonly authorisation: string;
      readonly key: string;
      readonly fingerprint: string;
      readonly amount_minor: number;
      readonly at_ms: number;
      readonly webhook?: WebhookPlan;
    }
  /** Answered with the authorisation as it stood: nothing was left to do. */
  | { readonly type: 'noted'; readonly authorisation: string; readonly key: string; readonly fingerprint: string }
  | {
      readonly type: 'refused';
      readonly key: string;
      readonly fingerprint: string;
      readonly status: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'cancelled'; readonly authorise_key: string; readonly key: string; readonly fingerprint: string }
  | { readonly type: 'arrived'; readonly key: string; readonly times: number }
  | { readonly type: 'delivered' | 'abandoned'; readonly event: string };

export function newBooks(): Books {
  return {
    authorisations: new Map(),
    byKey: new Map(),
    answers: new Map(),
    arrivals: new Map(),
    cancelledKeys: new Set(),
    deliveries: new Map(),
    deliveredCount: 0,
    abandonedCount: 0,
  };
}

export function statusOf(authorisation: Authorisation): AuthorisationStatus {
  if (authorisation.decline_code !== null) return 'declined';
  if (authorisation.voided) return 'voided';
  if (authorisation.captured_minor === 0) return 'authorised';
  return authorisation.refunded_minor === authorisation.captured_minor ? 'refunded' : 'captured';
}

export function view(authorisation: Authorisation): AuthorisationView {
  const { id, key, reference, currency, amount_minor, captured_minor, refunded_minor, decline_code } = authorisation;
  return {
    id,
    key,
    reference,
    status: statusOf(authorisation),
    currency,
    amount_minor,
    captured_minor,
    refunded_minor,
    decline_code,
    created_at: new Date(authorisation.created_at_ms).toISOString(),
  };
}

/** The authorisations under a key of an authorise call, the first made first. */
export function underKey(books: Books, authoriseKey: string): Authorisation[] {
  const ids = books.byKey.get(authoriseKey) ?? [];
  return ids.flatMap((id) => books.authorisations.get(id) ?? []);
}
