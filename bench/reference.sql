-- One order by hand: what a good engineer writes who knows the cart and the prices already, reads nothing twice and
-- pays one round trip per table. Run by pgbench as prepared statements, or by a loop of the Node driver. `n` numbers
-- the order; a, b and c are three products, drawn evenly, in the order of their keys, so that there are no deadlocks.
\set n :base + :turn * :clients + :client_id
\set turn :turn + 1
\set a random(10001, 10000 + :third)
\set b random(20001, 20000 + :third)
\set c random(30001, 30000 + :third)
begin;
insert into commit_keys
  (merchant_id, caller_id, operation, idempotency_key, request_sha256, checkout_id, outcome, order_id)
values ('byhand', 'shop', 'complete', lpad(:n::text, 36, '0'), sha256(:n::text::bytea), lpad(:n::text, 32, '0')::uuid,
  jsonb_build_object('outcome', 'committed', 'version', 1, 'orderId', lpad(:n::text, 36, '0')),
  lpad(:n::text, 32, '0')::uuid)
on conflict do nothing;
update checkouts set status = 'completing', order_id = lpad(:n::text, 32, '0')::uuid, updated_at = now()
where checkout_id = lpad(:n::text, 32, '0')::uuid and quote_version = 1 and status = 'open';
with chosen as materialized (
  select sku from stock where merchant_id = 'byhand' and sku in (:a::text, :b::text, :c::text) order by sku for update
)
update stock s set held_units = held_units + 1 from chosen
where s.merchant_id = 'byhand' and s.sku = chosen.sku and received_units - sold_units - held_units >= 1;
insert into orders (order_id, merchant_id, caller_id, checkout_id, quote_version, status, currency, total_minor,
  buyer_sha256, ship_to_country, deadline_at, next_sequence)
values (lpad(:n::text, 32, '0')::uuid, 'byhand', 'shop', lpad(:n::text, 32, '0')::uuid, 1, 'pending', 'GBP', 1160,
  sha256(:n::text::bytea), 'GB', now() + interval '5 minutes', 2);
insert into order_lines (order_id, line_number, sku, title, quantity, unit_price_minor, total_minor)
values (lpad(:n::text, 32, '0')::uuid, 1, :a::text, 'WHITE HANGING HEART HOLDER', 1, 255, 255),
  (lpad(:n::text, 32, '0')::uuid, 2, :b::text, 'WHITE HANGING HEART HOLDER', 1, 255, 255),
  (lpad(:n::text, 32, '0')::uuid, 3, :c::text, 'WHITE HANGING HEART HOLDER', 1, 255, 255);
insert into reservations (order_id, sku, merchant_id, units, status)
values (lpad(:n::text, 32, '0')::uuid, :a::text, 'byhand', 1, 'held'),
  (lpad(:n::text, 32, '0')::uuid, :b::text, 'byhand', 1, 'held'),
  (lpad(:n::text, 32, '0')::uuid, :c::text, 'byhand', 1, 'held');
insert into payments (payment_id, merchant_id, order_id, provider, token, status, currency, amount_minor)
values (lpad(:n::text, 32, '0')::uuid, 'byhand', lpad(:n::text, 32, '0')::uuid, 'simulated', 'tok_ok', 'intended',
  'GBP', 1160);
insert into sagas (order_id, merchant_id, name, version, status)
values (lpad(:n::text, 32, '0')::uuid, 'byhand', 'online-order', 1, 'running');
insert into saga_steps (order_id, step, position, status, undo, attempts, ended_at)
values (lpad(:n::text, 32, '0')::uuid, 'hold-stock', 0, 'done', 'registered', 1, now());
insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload)
values (lpad(:n::text, 32, '0')::uuid, 'screening', 'screen-for-fraud', 1, 'byhand', lpad(:n::text, 32, '0')::uuid,
  lpad(:n::text, 36, '0'), '{}');
insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
values (lpad(:n::text, 32, '0')::uuid, 'byhand', lpad(:n::text, 32, '0')::uuid, 1, 'OrderPending', 1,
  jsonb_build_object('checkout_id', 'chk_' || lpad(:n::text, 36, '0'), 'line_count', 3,
    'total', '{"amount_minor": 1160, "currency": "GBP"}'::jsonb));
insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
values (lpad(:n::text, 32, '0')::uuid, 'byhand', lpad(:n::text, 32, '0')::uuid, 'caller shop', 'order committed',
  'checkout chk_' || lpad(:n::text, 36, '0'));
commit;
