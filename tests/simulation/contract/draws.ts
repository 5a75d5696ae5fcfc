import { createHash } from 'node:crypto';
import type { CompleteRequest, RequestKey } from '../../../src/checkout/desk.ts';
import type { Draft } from '../../../src/checkout/quote.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { Chance } from '../chance.ts';
import { titleOf } from '../seed-rows.ts';
import type { Row, TableName } from '../store/schema.ts';
import type { TablesOfStore } from './two-stores.ts';

/** What the deeds of a run draw from: its chance, and what is in the tables. Few values, so that they meet again. */
export type Draws = {
  readonly chance: Chance;
  row<Name extends TableName>(table: Name): Row<Name> | null;
  /** An id of the column's, or one that nobody has. */
  id(table: TableName, column: string): string;
  readonly tables: TablesOfStore;
};

export const nobody = '00000000-0000-7000-a000-000000000000';

export function drawsFrom(chance: Chance, tables: TablesOfStore): Draws {
  // Rows are picked by their place in an order that both stores share: that of their keys.
  const row = <Name extends TableName>(table: Name): Row<Name> | null =>
    tables[table].length === 0 ? null : (chance.pick(tables[table]) as Row<Name>);
  return {
    chance,
    row,
    id: (table, column) => {
      const found = chance.happens(0.1) ? null : row(table);
      return String((found as Record<string, unknown> | null)?.[column] ?? nobody);
    },
    tables,
  };
}

export const skus = ['APPLE', 'BEET', 'CORN'];

export function drawLines(chance: Chance): Draft['lines'] {
  const count = chance.between(1, 3);
  return Array.from({ length: count }, () => {
    const sku = chance.happens(0.03) ? 'UNKNOWN' : chance.pick(skus);
    return { sku, quantity: chance.magnitude(1, 4) };
  });
}

export function drawDraft(chance: Chance): Draft {
  const lacks = chance.happens(0.08);
  const destination = { id: 'home', streetAddress: '1 High St', country: chance.pick(['GB', 'GB', 'FR']) };
  return {
    lines: drawLines(chance),
    buyer: { firstName: 'Ada', email: lacks ? undefined : chance.pick(['ada@example.com', 'bob@example.com']) },
    destinations: [destination],
    selectedDestinationId: 'home',
    selectedShippingId: chance.pick(['standard', 'standard', 'express']),
  };
}

export function drawKey(chance: Chance): RequestKey {
  const key = `key-${chance.between(1, 60)}`;
  return { key, requestSha256: hash(chance.happens(0.8) ? key : `${key} otherwise`) };
}

export function drawComplete(chance: Chance): CompleteRequest {
  return {
    key: drawKey(chance),
    token: new Secret(chance.pick(tokens)),
    provider: 'simulated',
    billingCountry: chance.pick([null, 'GB', 'FR']),
    seenVersion: chance.happens(0.8) ? null : chance.between(1, 2),
    waitMs: 0,
    traceparent: chance.pick([null, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']),
  };
}

const tokens = [
  'tok_ok',
  'tok_ok.act_and_cut.find:fail_before',
  'tok_card_declined',
  'tok_ok.act_and_cut',
  'tok_ok.fail_before',
  'tok_ok.act_twice',
  'tok_ok.void:fail_before',
  'tok_ok.rate_limited',
];

export function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export { titleOf };
