import {
  bigint,
  bytes,
  country,
  currency,
  flag,
  idForm,
  initially,
  instant,
  noAmount,
  now,
  orNull,
  reference,
  sku,
  text,
  uuid,
} from '../columns.ts';
import { table } from '../table.ts';

export const shop = {
  merchants: table(
    { merchant_id: idForm(), name: text(255, 1), currency: currency(), country: country(), created_at: now() },
    ['merchant_id'],
  ),
  callers: table(
    {
      caller_id: idForm(),
      merchant_id: reference(),
      name: text(255, 1),
      api_key_sha256: bytes(32),
      created_at: now(),
      revoked_at: orNull(instant()),
    },
    ['merchant_id', 'caller_id'],
    {
      unique: { callers_api_key_sha256_key: { columns: ['api_key_sha256'] } },
      references: [{ columns: ['merchant_id'], table: 'merchants' }],
    },
  ),
  products: table(
    {
      merchant_id: reference(),
      sku: sku(),
      title: text(255, 1),
      price_minor: bigint(1n, 10_000_000_000_000n),
      currency: currency(),
      active: initially(flag(), () => true),
      updated_at: now(),
    },
    ['merchant_id', 'sku'],
    { references: [{ columns: ['merchant_id'], table: 'merchants' }] },
  ),
  stock: table(
    {
      merchant_id: reference(),
      sku: sku(),
      received_units: bigint(0n),
      sold_units: noAmount(),
      held_units: noAmount(),
    },
    ['merchant_id', 'sku'],
    {
      checks: { stock_is_never_oversold: (row) => row.received_units - row.sold_units - row.held_units >= 0n },
      references: [{ columns: ['merchant_id', 'sku'], table: 'products' }],
    },
  ),
  stock_adjustments: table(
    {
      adjustment_id: uuid(),
      merchant_id: reference(),
      sku: sku(),
      units: bigint(),
      reason: text(255, 1),
      actor: text(255, 1),
      adjusted_at: now(),
    },
    ['adjustment_id'],
    { references: [{ columns: ['merchant_id', 'sku'], table: 'stock' }] },
  ),
};
