import type { OrderStatus } from '../../../../src/orders/order.ts';
import {
  amount,
  bigint,
  bytes,
  country,
  currency,
  initially,
  instant,
  integer,
  json,
  merchantId,
  now,
  oneOf,
  orNull,
  reference,
  sku,
  text,
  uuid,
} from '../columns.ts';
import { table } from '../table.ts';

const isFinal = (status: OrderStatus): boolean => status === 'confirmed' || status === 'cancelled';

export const checkout = {
  checkouts: table(
    {
      checkout_id: uuid(),
      merchant_id: reference(),
      caller_id: text(63),
      status: oneOf('open', 'completing', 'cancelled'),
      quote_version: integer(1),
      order_id: orNull(uuid()),
      expires_at: instant(),
      created_at: now(),
      updated_at: now(),
    },
    ['checkout_id'],
    {
      checks: {
        a_completing_checkout_has_an_order: (row) => (row.status === 'completing') === (row.order_id !== null),
      },
      references: [{ columns: ['merchant_id', 'caller_id'], table: 'callers' }],
    },
  ),
  quotes: table(
    {
      checkout_id: uuid(),
      version: integer(1),
      merchant_id: merchantId(),
      currency: currency(),
      total_minor: amount(),
      content: json(),
      quoted_at: now(),
    },
    ['checkout_id', 'version'],
    { references: [{ columns: ['checkout_id'], table: 'checkouts' }], never: ['update'] },
  ),
  commit_keys: table(
    {
      merchant_id: merchantId(),
      caller_id: text(63),
      operation: oneOf('create', 'update', 'complete', 'cancel'),
      idempotency_key: text(255, 1),
      request_sha256: bytes(32),
      checkout_id: uuid(),
      outcome: json(),
      order_id: orNull(uuid()),
      decided_at: now(),
    },
    ['merchant_id', 'caller_id', 'operation', 'idempotency_key'],
    { never: ['update', 'delete'] },
  ),
};

export const orders = {
  orders: table(
    {
      order_id: uuid(),
      merchant_id: merchantId(),
      caller_id: text(63),
      checkout_id: uuid(),
      quote_version: integer(),
      status: oneOf<OrderStatus>('pending', 'on_hold', 'confirmed', 'cancelling', 'cancelled'),
      currency: currency(),
      total_minor: amount(),
      buyer_sha256: orNull(bytes(32)),
      ship_to_country: country(),
      billing_country: orNull(country()),
      cancel_code: orNull(text(64)),
      next_sequence: initially(integer(1), () => 1),
      status_since: now(),
      deadline_at: orNull(instant()),
      created_at: now(),
    },
    ['order_id'],
    {
      unique: { one_live_order_per_checkout: { columns: ['checkout_id'], where: (row) => row.status !== 'cancelled' } },
      checks: {
        a_state_that_is_not_final_has_a_deadline: (row) => isFinal(row.status) === (row.deadline_at === null),
        a_cancellation_has_a_reason: (row) =>
          (row.status === 'cancelling' || row.status === 'cancelled') === (row.cancel_code !== null),
      },
      references: [{ columns: ['checkout_id', 'quote_version'], table: 'quotes' }],
    },
  ),
  order_lines: table(
    {
      order_id: uuid(),
      line_number: integer(1, 100),
      sku: sku(),
      title: text(255, 1),
      quantity: integer(1, 100_000),
      unit_price_minor: bigint(1n),
      total_minor: bigint(),
    },
    ['order_id', 'line_number'],
    {
      checks: { a_line_adds_up: (row) => row.total_minor === row.unit_price_minor * BigInt(row.quantity) },
      references: [{ columns: ['order_id'], table: 'orders' }],
    },
  ),
  reservations: table(
    {
      order_id: uuid(),
      sku: sku(),
      merchant_id: reference(),
      units: bigint(1n),
      status: oneOf('held', 'released', 'sold'),
      changed_at: now(),
    },
    ['order_id', 'sku'],
    {
      references: [
        { columns: ['order_id'], table: 'orders' },
        { columns: ['merchant_id', 'sku'], table: 'stock' },
      ],
    },
  ),
};
