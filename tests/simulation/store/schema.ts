import type { Column } from './columns.ts';
import type { NewRowOf, RowOf } from './table.ts';
import { checkout, orders } from './tables/checkout.ts';
import { messaging } from './tables/messaging.ts';
import { money } from './tables/payments.ts';
import { people, saga } from './tables/sagas.ts';
import { shop } from './tables/shop.ts';

/**
 * The tables that the simulated rooms use, as the migrations make them. The store's contract compares them with the
 * catalogue of a real server, so that a migration that changes one fails there until it is followed here.
 */
export const schema = { ...shop, ...checkout, ...orders, ...money, ...saga, ...messaging, ...people };

export type Schema = typeof schema;
export type TableName = keyof Schema;
export type Row<Name extends TableName> = RowOf<Schema[Name]['columns']>;
export type NewRow<Name extends TableName> = NewRowOf<Schema[Name]['columns']>;

/** A row of any table. */
export type AnyRow = Readonly<Record<string, unknown>>;

/** A definition in the form in which the store walks through it, whatever the table. */
export type AnyTable = {
  readonly name: TableName;
  readonly columns: readonly (readonly [name: string, column: Column])[];
  readonly key: readonly string[];
  readonly unique: readonly {
    readonly name: string;
    readonly columns: readonly string[];
    readonly isPartial: boolean;
    readonly holds: (row: AnyRow) => boolean;
  }[];
  readonly checks: readonly (readonly [name: string, holds: (row: AnyRow) => boolean])[];
  readonly references: readonly { readonly columns: readonly string[]; readonly table: TableName }[];
  readonly never: readonly ('update' | 'delete')[];
};

export const tableNames = Object.keys(schema) as TableName[];

export const definitions: Readonly<Record<TableName, AnyTable>> = Object.fromEntries(
  tableNames.map((name) => {
    const { columns, unique, checks, ...rest } = schema[name];
    const indexes = Object.entries(unique as Record<string, { columns: string[]; where?(row: AnyRow): boolean }>);
    const table = {
      ...rest,
      name,
      columns: Object.entries(columns),
      unique: indexes.map(([index, { columns: of, where }]) => {
        return { name: index, columns: of, isPartial: where !== undefined, holds: where ?? (() => true) };
      }),
      checks: Object.entries(checks),
    };
    return [name, table as unknown as AnyTable];
  }),
) as Record<TableName, AnyTable>;
