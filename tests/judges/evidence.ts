import type { OrderStatus } from '../../src/orders/order.ts';
import type { PaymentStatus } from '../../src/payments/payment.ts';
import type { SagaStatus, StepStatus, UndoStatus } from '../../src/sagas/saga.ts';

/**
 * What the judges look at, and all that they look at: what every client was told, what our tables hold, what the
 * provider's own books hold. Judges are pure functions over it and know nothing of how the run was made, so that the
 * same judges serve real processes, databases that were killed, and worlds in memory.
 */
export type Evidence = {
  readonly history: readonly ClientCall[];
  readonly ours: Tables;
  readonly theirs: readonly ProviderAuthorisation[];
  /**
   * Whether the run may leave work to a person: orders on hold, parked compensations, open dead letters, each with an
   * open item in the inbox. Left out: nothing may be left.
   */
  readonly allowsPeople?: boolean;
  /** The database's clock at the moment at which the tables were read; null in a world that keeps no such clock. */
  readonly takenAt?: Date | null;
  /** Strings that were planted in requests and must be found nowhere (promise 14). */
  readonly planted?: readonly string[];
  /** Whatever else was written in the run and may not hold them: whole tables, logs, traces. */
  readonly texts?: readonly { readonly where: string; readonly text: string }[];
};

/**
 * One call of a client, written when it was begun and completed when it ended. `unknown` (a lost reply, a timeout, a
 * 5xx) may have happened or not: a judge accepts either, but never both and never twice.
 */
export type ClientCall = {
  /** 1, 2, 3, … in the order of their beginning. */
  readonly number: number;
  /** The number of the latest call that had begun when this one ended; calls after it began with its answer known. */
  readonly begunWhenEnded?: number;
  readonly client: string;
  /** Whose key it is: keys are scoped to a caller. Left out in a run with one caller, or whose keys are unique. */
  readonly callerId?: string;
  readonly operation: 'create' | 'update' | 'complete' | 'cancel' | 'read';
  readonly idempotencyKey: string | null;
  /** Whether a complete said with If-Match which version it means; then a refusal of it is not kept under the key. */
  readonly saysVersion?: boolean;
  /** Tells a retry from another request under the same key. */
  readonly requestSha256: string;
  /** As the tables have it, without the prefix of the wire; so are order ids. */
  readonly checkoutId: string | null;
  /** What the buyer agreed to pay, as the last answer had shown it; null where nothing is agreed to. */
  readonly seenTotalMinor: bigint | null;
  readonly outcome:
    | {
        /** Of a complete: the order was committed, and is under way or confirmed. */
        readonly kind: 'ok';
        /** In the words of the wire: `ready_for_complete`, `complete_in_progress`, `completed`, `canceled`, …. */
        readonly checkoutStatus: string;
        readonly orderId: string | null;
        /** The checkout that was shown: of a create, the only place where its id is. */
        readonly shownCheckoutId?: string;
        readonly totalMinor: bigint | null;
        /** Of all that was answered but the id of the request, which is another one each time. */
        readonly answerSha256: string;
      }
    /** Of a complete also: the order was committed, and ended as the code says (`payment_failed`). */
    | { readonly kind: 'refused'; readonly code: string; readonly answerSha256: string }
    | { readonly kind: 'unknown'; readonly reason: string };
};

/** An authorisation in the provider's own books, whatever it has told us. */
export type ProviderAuthorisation = {
  readonly id: string;
  /** Our key of the authorise call: `<order id>-authorise`. */
  readonly key: string;
  /** Our payment id. */
  readonly reference: string;
  readonly status: 'authorised' | 'declined' | 'voided' | 'captured' | 'refunded';
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly capturedMinor: bigint;
  readonly refundedMinor: bigint;
  /** How many captures were made of it; left out where the books do not say. */
  readonly captures?: number;
};

/** Rows as the tables have them: columns by their SQL names, int8 as bigint, timestamptz as Date, jsonb parsed. */
export type Tables = {
  readonly stock: readonly {
    readonly merchant_id: string;
    readonly sku: string;
    readonly received_units: bigint;
    readonly sold_units: bigint;
    readonly held_units: bigint;
  }[];
  readonly stock_adjustments: readonly {
    readonly merchant_id: string;
    readonly sku: string;
    readonly units: bigint;
  }[];
  readonly checkouts: readonly {
    readonly checkout_id: string;
    readonly merchant_id: string;
    readonly caller_id: string;
    readonly status: 'open' | 'completing' | 'cancelled';
    readonly quote_version: number;
    readonly order_id: string | null;
  }[];
  readonly quotes: readonly {
    readonly checkout_id: string;
    readonly version: number;
    readonly currency: string;
    readonly total_minor: bigint;
    readonly content: unknown;
  }[];
  readonly commit_keys: readonly {
    readonly merchant_id: string;
    readonly caller_id: string;
    readonly operation: string;
    readonly idempotency_key: string;
    readonly request_sha256: Uint8Array;
    readonly checkout_id: string;
    readonly outcome: unknown;
    readonly order_id: string | null;
  }[];
  readonly orders: readonly {
    readonly order_id: string;
    readonly merchant_id: string;
    readonly caller_id: string;
    readonly checkout_id: string;
    readonly quote_version: number;
    readonly status: OrderStatus;
    readonly currency: string;
    readonly total_minor: bigint;
    readonly cancel_code: string | null;
    readonly next_sequence: number;
    readonly deadline_at: Date | null;
  }[];
  readonly order_lines: readonly {
    readonly order_id: string;
    readonly line_number: number;
    readonly sku: string;
    readonly quantity: number;
    readonly unit_price_minor: bigint;
    readonly total_minor: bigint;
  }[];
  readonly reservations: readonly {
    readonly order_id: string;
    readonly merchant_id: string;
    readonly sku: string;
    readonly units: bigint;
    readonly status: 'held' | 'released' | 'sold';
  }[];
  readonly payments: readonly {
    readonly payment_id: string;
    readonly order_id: string;
    readonly status: PaymentStatus;
    readonly currency: string;
    readonly amount_minor: bigint;
    readonly authorised_minor: bigint;
    readonly captured_minor: bigint;
    readonly provider_reference: string | null;
    readonly next_check_at: Date | null;
  }[];
  readonly payment_attempts: readonly {
    readonly order_id: string;
    readonly kind: string;
    readonly provider_key: string;
    readonly outcome: string;
    readonly calls: number;
  }[];
  readonly sagas: readonly { readonly order_id: string; readonly status: SagaStatus }[];
  readonly saga_steps: readonly {
    readonly order_id: string;
    readonly step: string;
    readonly status: StepStatus;
    readonly undo: UndoStatus;
  }[];
  readonly messages: readonly {
    readonly message_id: string;
    readonly queue: string;
    readonly type: string;
    readonly order_id: string | null;
    readonly idempotency_key: string;
    readonly attempt: number;
    readonly available_at: Date;
  }[];
  readonly messages_handled: readonly {
    readonly consumer: string;
    readonly message_id: string;
    readonly type: string;
    readonly order_id: string | null;
  }[];
  readonly dead_letters: readonly {
    readonly message_id: string;
    readonly type: string;
    readonly order_id: string | null;
    readonly reason: string;
    readonly status: 'open' | 'replayed' | 'discarded';
  }[];
  readonly domain_events: readonly {
    readonly event_id: string;
    readonly order_id: string;
    readonly sequence: number;
    readonly type: string;
    readonly data: unknown;
  }[];
  readonly order_timeline: readonly {
    readonly order_id: string;
    readonly sequence: number;
    readonly type: string;
  }[];
  readonly operator_inbox: readonly {
    readonly item_id: string;
    readonly order_id: string | null;
    readonly kind: string;
    readonly reason: string;
    readonly closed_at: Date | null;
  }[];
  /** Left out where no webhooks are received. Each was sent for with one message. */
  readonly webhooks_received?: readonly {
    readonly provider: string;
    readonly event_id: string;
    readonly handled_at: Date | null;
  }[];
  /** Every message that was ever committed, where the run had them remembered (collect.ts); else left out. */
  readonly messages_written?: readonly { readonly message_id: string; readonly type: string }[];
};
