import { createHash } from 'node:crypto';
import type { Caller } from '../../src/checkout/desk.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import type { NewRow, TableName } from './store/schema.ts';
import type { Store } from './store/store.ts';

export const merchantId = 'demo';
export const caller: Caller = { merchantId, callerId: 'shop', currency: 'GBP', country: 'GB' };
export const otherCaller: Caller = { ...caller, callerId: 'other' };

export type SeedSku = { readonly sku: string; readonly units: number; readonly priceMinor: number };
export type SeedRows = { readonly [Name in TableName]?: readonly NewRow<Name>[] };

/** A merchant with two callers and these SKUs, as rows for either store. */
export function shopRows(skus: readonly SeedSku[], createdAt: Date): SeedRows {
  const callers = [caller, otherCaller].map(({ callerId }) => ({
    merchant_id: merchantId,
    caller_id: callerId,
    name: callerId,
    api_key_sha256: createHash('sha256').update(`key-${callerId}`).digest(),
    created_at: createdAt,
  }));
  return {
    merchants: [{ merchant_id: merchantId, name: 'Demo', currency: 'GBP', country: 'GB', created_at: createdAt }],
    callers,
    products: skus.map(({ sku, priceMinor }) => {
      return { merchant_id: merchantId, sku, title: titleOf(sku), price_minor: BigInt(priceMinor), currency: 'GBP' };
    }),
    stock: skus.map(({ sku, units }) => ({ merchant_id: merchantId, sku, received_units: BigInt(units) })),
    stock_adjustments: skus
      .filter(({ units }) => units !== 0)
      .map(({ sku, units }, index) => ({
        adjustment_id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
        merchant_id: merchantId,
        sku,
        units: BigInt(units),
        reason: 'seed',
        actor: 'tests',
      })),
  };
}

export const titleOf = (sku: string): string => `Product ${sku}`;

/** With what the migrations themselves put into a database: the first era of the events. */
export function seedStore(store: Store, rows: SeedRows): void {
  store.seed((run) => {
    run.insert('event_eras', { era: 1, after_position: 0n, opened_by: run.transactionId(), opened_at: run.now });
    for (const [table, list] of Object.entries(rows) as [TableName, readonly never[]][]) {
      for (const row of list) run.insert(table, row);
    }
  });
}

export async function seedDatabase(database: Database, rows: SeedRows): Promise<void> {
  for (const [table, list] of Object.entries(rows) as [TableName, readonly object[]][]) {
    for (const row of list) {
      const names = Object.keys(row);
      const places = names.map((_, index) => `$${index + 1}`);
      await database.execute({
        text: `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`,
        values: Object.values(row),
      });
    }
  }
}
