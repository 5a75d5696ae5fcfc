import type { Buyer, Destination } from '../checkout/quote.ts';
import type { StoredEvent } from '../messaging/events.ts';
import type { OrderStatus } from '../orders/order.ts';
import type { PaymentStatus } from '../payments/payment.ts';
import type { SagaStatus } from '../sagas/saga.ts';

/** The rows that make the story, as the database has them. */
export type StoryRows = {
  readonly head: HeadRow;
  readonly lines: readonly LineRow[];
  readonly attempts: readonly AttemptRow[];
  readonly steps: readonly StepRow[];
  readonly messages: readonly MessageRow[];
  readonly handled: readonly HandledRow[];
  readonly deadLetters: readonly DeadLetterRow[];
  readonly events: readonly StoredEvent[];
  readonly audit: readonly AuditRow[];
  readonly inbox: readonly InboxRow[];
  /** Null unless personal data was asked for. */
  readonly personal: PersonalRow | null;
};

/** A failed attempt, as the queue writes it. */
export type HistoryEntry = {
  readonly at: string;
  readonly attempt: number;
  readonly by: string | null;
  readonly reason: string;
};

export type HeadRow = {
  readonly order_id: string;
  readonly merchant_id: string;
  readonly caller_id: string;
  readonly checkout_id: string;
  readonly quote_version: number;
  readonly status: OrderStatus;
  readonly status_since: Date;
  readonly deadline_at: Date | null;
  readonly cancel_code: string | null;
  readonly currency: string;
  readonly total_minor: bigint;
  readonly shipping_minor: bigint;
  readonly ship_to_country: string;
  readonly billing_country: string | null;
  readonly created_at: Date;
  readonly saga_name: string;
  readonly saga_version: number;
  readonly saga_status: SagaStatus;
  readonly saga_since: Date;
  readonly payment_id: string;
  readonly provider: string;
  readonly payment_status: PaymentStatus;
  readonly payment_since: Date;
  readonly amount_minor: bigint;
  readonly authorised_minor: bigint;
  readonly captured_minor: bigint;
  readonly refunded_minor: bigint;
  readonly provider_reference: string | null;
  readonly decline_code: string | null;
  readonly next_check_at: Date | null;
  readonly read_at: Date;
};

export type LineRow = {
  readonly line_number: number;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly unit_price_minor: bigint;
  readonly total_minor: bigint;
  readonly stock: 'held' | 'released' | 'sold' | null;
};

export type AttemptRow = {
  readonly kind: string;
  readonly provider_key: string;
  readonly amount_minor: bigint;
  readonly calls: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly intended_at: Date;
  readonly last_called_at: Date | null;
  readonly settled_at: Date | null;
};

export type StepRow = {
  readonly step: string;
  readonly status: string;
  readonly attempts: number;
  readonly undo: string;
  readonly undo_attempts: number;
  readonly detail: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly undone_at: Date | null;
};

export type MessageRow = {
  readonly message_id: string;
  readonly queue: string;
  readonly type: string;
  readonly schema_version: number;
  readonly attempt: number;
  readonly first_enqueued_at: Date;
  readonly available_at: Date;
  readonly leased_by: string | null;
  readonly history: readonly HistoryEntry[];
};

export type HandledRow = {
  readonly message_id: string;
  readonly type: string;
  readonly consumer: string;
  readonly attempts: number;
  readonly first_enqueued_at: Date;
  readonly handled_at: Date;
  readonly history: readonly HistoryEntry[];
};

export type DeadLetterRow = {
  readonly message_id: string;
  readonly queue: string;
  readonly type: string;
  readonly attempt: number;
  readonly reason: string;
  readonly status: 'open' | 'replayed' | 'discarded';
  readonly died_at: Date;
  readonly settled_at: Date | null;
  readonly settled_by: string | null;
  readonly settled_why: string | null;
  readonly history: readonly HistoryEntry[];
};

export type AuditRow = {
  readonly actor: string;
  readonly action: string;
  readonly detail: string | null;
  readonly at: Date;
};

export type InboxRow = {
  readonly item_id: string;
  readonly kind: string;
  readonly reason: string;
  readonly owner: string;
  readonly opened_at: Date;
  readonly closed_at: Date | null;
  readonly closed_by: string | null;
  readonly resolution: string | null;
};

export type PersonalRow = { readonly buyer: Buyer | null; readonly destination: Destination | null };
