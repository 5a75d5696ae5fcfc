-- Every row belongs to a merchant. What the commit writes does not reference merchants by a foreign key: each insert
-- would lock the one merchant row, and hundreds of lockers at once cost more than the check is worth; the merchant
-- comes from the checkout, whose caller references it. Every text has a limit. Money is bigint minor units beside its
-- currency.
-- Times are set by this server's clock, so that processes with skewed clocks agree on leases and deadlines.

-- Who sells, and who calls.

create table merchants (
  merchant_id text primary key check (merchant_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null check (char_length(name) between 1 and 255),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  country text not null check (country ~ '^[A-Z]{2}$'),
  created_at timestamptz not null default now()
);

-- A caller is a holder of an API key: a shop's back end, a buying agent's platform. Keys are kept as hashes.
create table callers (
  caller_id text not null check (caller_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  merchant_id text not null references merchants,
  name text not null check (char_length(name) between 1 and 255),
  api_key_sha256 bytea not null unique check (octet_length(api_key_sha256) = 32),
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  primary key (merchant_id, caller_id)
);

-- What is sold.

create table products (
  merchant_id text not null references merchants,
  sku text not null check (char_length(sku) between 1 and 64),
  title text not null check (char_length(title) between 1 and 255),
  price_minor bigint not null check (price_minor > 0 and price_minor <= 10000000000000),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  active boolean not null default true,
  updated_at timestamptz not null default now(),
  primary key (merchant_id, sku)
);
create index products_by_words on products using gin (to_tsvector('english', title));
create index products_by_price on products (merchant_id, price_minor, sku);

-- Promise 3: received = sold + held + free, and free is never negative. Rows change in place (HOT): no index but the
-- key.
create table stock (
  merchant_id text not null,
  sku text not null check (char_length(sku) between 1 and 64),
  received_units bigint not null check (received_units >= 0),
  sold_units bigint not null default 0 check (sold_units >= 0),
  held_units bigint not null default 0 check (held_units >= 0),
  primary key (merchant_id, sku),
  foreign key (merchant_id, sku) references products,
  constraint stock_is_never_oversold check (received_units - sold_units - held_units >= 0)
) with (fillfactor = 70);

-- Why received_units is what it is: their sum is received_units, per SKU.
create table stock_adjustments (
  adjustment_id uuid primary key,
  merchant_id text not null,
  sku text not null check (char_length(sku) between 1 and 64),
  units bigint not null,
  reason text not null check (char_length(reason) between 1 and 255),
  actor text not null check (char_length(actor) between 1 and 255),
  adjusted_at timestamptz not null default now(),
  foreign key (merchant_id, sku) references stock
);
create index stock_adjustments_by_sku on stock_adjustments (merchant_id, sku);

-- The checkout.

create table checkouts (
  checkout_id uuid primary key,
  merchant_id text not null,
  caller_id text not null check (char_length(caller_id) <= 63),
  status text not null check (status in ('open', 'completing', 'cancelled')),
  quote_version integer not null check (quote_version >= 1),
  -- The order of the latest commit. Whether the checkout is completed or open again follows from that order's status.
  order_id uuid,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (merchant_id, caller_id) references callers,
  constraint a_completing_checkout_has_an_order check ((status = 'completing') = (order_id is not null))
) with (fillfactor = 80);

-- Promise 8: a quote is immutable. A change of the checkout is a new version.
create table quotes (
  checkout_id uuid not null references checkouts,
  version integer not null check (version >= 1),
  merchant_id text not null check (char_length(merchant_id) <= 63),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  total_minor bigint not null check (total_minor >= 0 and total_minor <= 10000000000000),
  -- Lines with prices, totals, buyer and destination as quoted (checkout/quote.ts).
  content jsonb not null check (pg_column_size(content) <= 262144),
  quoted_at timestamptz not null default now(),
  primary key (checkout_id, version)
);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% rows are never changed', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger quotes_are_immutable before update on quotes for each row execute function refuse_change();

-- Promise 1: one answer per key, for ever. The key is unique per caller and operation; the request's hash tells a retry
-- from another request under the same key; the outcome is enough to give the first answer again, word for word.
create table commit_keys (
  merchant_id text not null check (char_length(merchant_id) <= 63),
  caller_id text not null check (char_length(caller_id) <= 63),
  operation text not null check (operation in ('create', 'update', 'complete', 'cancel')),
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
  request_sha256 bytea not null check (octet_length(request_sha256) = 32),
  checkout_id uuid not null,
  outcome jsonb not null check (pg_column_size(outcome) <= 65536),
  order_id uuid,
  decided_at timestamptz not null default now(),
  primary key (merchant_id, caller_id, operation, idempotency_key)
);
create trigger commit_keys_are_immutable before update or delete on commit_keys
  for each row execute function refuse_change();

-- The order.

create table orders (
  order_id uuid primary key,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  caller_id text not null check (char_length(caller_id) <= 63),
  checkout_id uuid not null,
  quote_version integer not null,
  status text not null check (status in ('pending', 'on_hold', 'confirmed', 'cancelling', 'cancelled')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  total_minor bigint not null check (total_minor >= 0 and total_minor <= 10000000000000),
  -- For the velocity rule of the fraud screen: a hash, so that the rule needs no personal data.
  buyer_sha256 bytea check (octet_length(buyer_sha256) = 32),
  ship_to_country text not null check (ship_to_country ~ '^[A-Z]{2}$'),
  -- Of the payment method's billing address, where the buyer gave one; for the country rule of the fraud screen.
  billing_country text check (billing_country ~ '^[A-Z]{2}$'),
  -- Why it was or is being cancelled: a refusal code of the catalogue.
  cancel_code text check (char_length(cancel_code) <= 64),
  -- The next event's number (promise 7).
  next_sequence integer not null default 1 check (next_sequence >= 1),
  status_since timestamptz not null default now(),
  -- Promise 5: a state that is not final has a deadline.
  deadline_at timestamptz,
  created_at timestamptz not null default now(),
  foreign key (checkout_id, quote_version) references quotes (checkout_id, version),
  constraint a_state_that_is_not_final_has_a_deadline
    check ((status in ('confirmed', 'cancelled')) = (deadline_at is null)),
  constraint a_cancellation_has_a_reason check ((status in ('cancelling', 'cancelled')) = (cancel_code is not null))
) with (fillfactor = 80);
-- A checkout has at most one order that is alive, whatever the keys are.
create unique index one_live_order_per_checkout on orders (checkout_id) where status <> 'cancelled';
create index orders_by_merchant on orders (merchant_id, order_id);
create index orders_overdue on orders (deadline_at) where deadline_at is not null;
create index orders_by_buyer on orders (merchant_id, buyer_sha256, created_at) where buyer_sha256 is not null;

create table order_lines (
  order_id uuid not null references orders,
  line_number integer not null check (line_number between 1 and 100),
  sku text not null check (char_length(sku) between 1 and 64),
  title text not null check (char_length(title) between 1 and 255),
  quantity integer not null check (quantity between 1 and 100000),
  unit_price_minor bigint not null check (unit_price_minor > 0),
  total_minor bigint not null,
  primary key (order_id, line_number),
  constraint a_line_adds_up check (total_minor = unit_price_minor * quantity)
);

create table reservations (
  order_id uuid not null references orders,
  sku text not null check (char_length(sku) between 1 and 64),
  merchant_id text not null,
  units bigint not null check (units > 0),
  status text not null check (status in ('held', 'released', 'sold')),
  changed_at timestamptz not null default now(),
  primary key (order_id, sku),
  foreign key (merchant_id, sku) references stock
) with (fillfactor = 80);

-- Money.

create table payments (
  payment_id uuid primary key,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid not null unique references orders,
  provider text not null check (char_length(provider) between 1 and 64),
  -- The provider's token of the payment method. Never a card number.
  token text not null check (char_length(token) between 1 and 255),
  status text not null check (status in
    ('intended', 'authorising', 'unknown', 'authorised', 'declined', 'voiding', 'voided', 'abandoned', 'captured',
     'refunded')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  amount_minor bigint not null check (amount_minor >= 0),
  authorised_minor bigint not null default 0 check (authorised_minor >= 0),
  captured_minor bigint not null default 0 check (captured_minor >= 0),
  refunded_minor bigint not null default 0 check (refunded_minor >= 0),
  provider_reference text check (char_length(provider_reference) <= 255),
  decline_code text check (char_length(decline_code) <= 64),
  -- Promise 9: an unknown payment has a time at which the provider is asked again.
  next_check_at timestamptz,
  status_since timestamptz not null default now(),
  constraint never_authorised_above_the_order check (authorised_minor <= amount_minor),
  constraint never_captured_above_the_authorisation check (captured_minor <= authorised_minor),
  constraint never_refunded_above_the_capture check (refunded_minor <= captured_minor),
  constraint an_unsettled_payment_is_asked_for
    check ((status in ('authorising', 'unknown', 'voiding')) = (next_check_at is not null))
) with (fillfactor = 80);
create index payments_to_check on payments (next_check_at) where next_check_at is not null;

-- Intent before call: the row exists, committed, before the provider is called. Promise 2: one of a kind per order.
create table payment_attempts (
  order_id uuid not null references orders,
  kind text not null check (kind in ('authorise', 'capture', 'void', 'refund')),
  payment_id uuid not null references payments,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  provider_key text not null unique check (char_length(provider_key) between 1 and 255),
  amount_minor bigint not null check (amount_minor >= 0),
  calls integer not null default 0 check (calls >= 0),
  outcome text not null check (outcome in ('intended', 'done', 'refused', 'retryable', 'could-not-post', 'unknown')),
  reason text check (char_length(reason) <= 500),
  intended_at timestamptz not null default now(),
  last_called_at timestamptz,
  settled_at timestamptz,
  constraint one_attempt_of_a_kind_per_order primary key (order_id, kind)
) with (fillfactor = 80);

create table webhooks_received (
  provider text not null check (char_length(provider) between 1 and 64),
  event_id text not null check (char_length(event_id) between 1 and 255),
  merchant_id text not null references merchants,
  body jsonb not null check (pg_column_size(body) <= 65536),
  received_at timestamptz not null default now(),
  deliveries integer not null default 1,
  handled_at timestamptz,
  primary key (provider, event_id)
);

-- The saga.

create table sagas (
  order_id uuid primary key references orders,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  name text not null check (char_length(name) between 1 and 64),
  version integer not null check (version >= 1),
  status text not null check (status in ('running', 'waiting', 'compensating', 'completed', 'compensated', 'parked')),
  status_since timestamptz not null default now()
) with (fillfactor = 80);

-- A row exists from the moment at which the step may have an effect; its undo is registered in the same row.
create table saga_steps (
  order_id uuid not null references sagas,
  step text not null check (char_length(step) between 1 and 64),
  position integer not null check (position >= 0),
  status text not null check (status in ('running', 'waiting', 'done', 'refused', 'abandoned')),
  undo text not null check (undo in ('none', 'registered', 'running', 'done', 'parked')),
  attempts integer not null default 0 check (attempts >= 0),
  undo_attempts integer not null default 0 check (undo_attempts >= 0),
  detail text check (char_length(detail) <= 500),
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  undone_at timestamptz,
  primary key (order_id, step)
) with (fillfactor = 80);

-- Messages.

-- The outbox and the queues are one table: a message is written in the transaction of its cause, and taken from here.
create table messages (
  message_id uuid primary key,
  queue text not null check (char_length(queue) between 1 and 64),
  type text not null check (char_length(type) between 1 and 64),
  schema_version integer not null check (schema_version >= 1),
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid,
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
  payload jsonb not null check (pg_column_size(payload) <= 65536),
  traceparent text check (char_length(traceparent) <= 64),
  attempt integer not null default 0 check (attempt >= 0),
  first_enqueued_at timestamptz not null default now(),
  available_at timestamptz not null default now(),
  lease_id uuid,
  leased_by text check (char_length(leased_by) <= 128),
  first_taken_at timestamptz,
  -- One entry per failed attempt: when, who, why. At most the queue's attempts.
  history jsonb not null default '[]' check (pg_column_size(history) <= 65536)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- A leased message is one whose available_at lies ahead: a lease that expires makes it available by itself.
create index messages_available on messages (queue, available_at);
create index messages_by_order on messages (order_id) where order_id is not null;
-- A live message of one cause exists once, so that a sweeper may put it back without looking twice.
create unique index one_message_per_key on messages (queue, type, idempotency_key);

-- Promise 6: a message takes effect once. The row is written in the transaction of the effect.
create table messages_handled (
  consumer text not null check (char_length(consumer) between 1 and 64),
  message_id uuid not null,
  type text not null check (char_length(type) between 1 and 64),
  order_id uuid,
  attempts integer not null check (attempts >= 1),
  first_enqueued_at timestamptz not null,
  handled_at timestamptz not null default now(),
  constraint one_effect_per_message primary key (consumer, message_id)
);
create index messages_handled_by_order on messages_handled (order_id) where order_id is not null;

create table dead_letters (
  message_id uuid primary key,
  queue text not null check (char_length(queue) between 1 and 64),
  type text not null check (char_length(type) between 1 and 64),
  schema_version integer not null,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid,
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
  payload jsonb not null check (pg_column_size(payload) <= 65536),
  traceparent text check (char_length(traceparent) <= 64),
  attempt integer not null,
  first_enqueued_at timestamptz not null,
  history jsonb not null check (pg_column_size(history) <= 131072),
  reason text not null check (char_length(reason) between 1 and 500),
  status text not null default 'open' check (status in ('open', 'replayed', 'discarded')),
  died_at timestamptz not null default now(),
  settled_at timestamptz,
  settled_by text check (char_length(settled_by) <= 255),
  settled_why text check (char_length(settled_why) <= 255),
  constraint a_settled_letter_says_who check ((status = 'open') = (settled_by is null))
);
create index dead_letters_open on dead_letters (queue, died_at) where status = 'open';
create index dead_letters_by_order on dead_letters (order_id) where order_id is not null;

-- Domain events. transaction_id lets a reader wait for transactions that began earlier and commit later: without it, a
-- cursor over position loses events (ids commit out of order).
create table domain_events (
  position bigint generated always as identity primary key,
  transaction_id xid8 not null default pg_current_xact_id(),
  event_id uuid not null unique,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid not null,
  sequence integer not null check (sequence >= 1),
  type text not null check (char_length(type) between 1 and 64),
  schema_version integer not null check (schema_version >= 1),
  data jsonb not null check (pg_column_size(data) <= 65536),
  traceparent text check (char_length(traceparent) <= 64),
  occurred_at timestamptz not null default now(),
  constraint one_event_per_sequence unique (order_id, sequence)
);
create index domain_events_in_commit_order on domain_events (transaction_id, position);
create trigger domain_events_are_immutable before update on domain_events
  for each row execute function refuse_change();

-- How far each subscriber has read.
create table event_cursors (
  subscriber text primary key check (char_length(subscriber) between 1 and 64),
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  moved_at timestamptz not null default now()
);

-- The subscriber `order-timeline`: what happened to an order, in order and without a gap.
create table order_timeline (
  order_id uuid not null,
  sequence integer not null check (sequence >= 1),
  type text not null check (char_length(type) between 1 and 64),
  happened text not null check (char_length(happened) between 1 and 500),
  occurred_at timestamptz not null,
  primary key (order_id, sequence)
);

-- Who did what.

create table audit_entries (
  entry_id uuid primary key,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid,
  actor text not null check (char_length(actor) between 1 and 255),
  action text not null check (char_length(action) between 1 and 64),
  detail text check (char_length(detail) <= 500),
  at timestamptz not null default now()
);
create index audit_entries_by_order on audit_entries (order_id, at) where order_id is not null;
create trigger audit_entries_are_append_only before update or delete on audit_entries
  for each row execute function refuse_change();

-- What a machine cannot settle waits here for a person.
create table operator_inbox (
  item_id uuid primary key,
  merchant_id text not null check (char_length(merchant_id) <= 63),
  order_id uuid,
  kind text not null check (kind in ('fraud_review', 'compensation_parked', 'step_parked', 'late_money')),
  subject text not null check (char_length(subject) between 1 and 255),
  reason text not null check (char_length(reason) between 1 and 500),
  owner text not null check (char_length(owner) between 1 and 255),
  opened_at timestamptz not null default now(),
  closed_at timestamptz,
  closed_by text check (char_length(closed_by) <= 255),
  resolution text check (char_length(resolution) <= 255),
  constraint a_closed_item_says_who check ((closed_at is null) = (closed_by is null))
);
create unique index one_open_item_per_subject on operator_inbox (merchant_id, kind, subject) where closed_at is null;
create index operator_inbox_by_order on operator_inbox (order_id) where order_id is not null;

-- What is never changed is never emptied at one stroke either: a row trigger does not see a truncate.
create trigger quotes_are_not_truncated before truncate on quotes execute function refuse_change();
create trigger commit_keys_are_not_truncated before truncate on commit_keys execute function refuse_change();
create trigger domain_events_are_not_truncated before truncate on domain_events execute function refuse_change();
create trigger audit_entries_are_not_truncated before truncate on audit_entries execute function refuse_change();
