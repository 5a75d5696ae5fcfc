import type { Column } from './columns.ts';

type Columns = Readonly<Record<string, Column>>;
export type RowOf<Of extends Columns> = {
  readonly [Name in keyof Of]: Of[Name] extends Column<infer Value> ? Value : never;
};
type FilledIn<Of extends Columns> = { [Name in keyof Of]: Of[Name]['isFilled'] extends true ? Name : never }[keyof Of];
/** What an insert gives: every column but those that have a default or may be null. */
export type NewRowOf<Of extends Columns> = Omit<RowOf<Of>, FilledIn<Of>> & Partial<Pick<RowOf<Of>, FilledIn<Of>>>;

export type TableDefinition<Of extends Columns = Columns> = {
  readonly columns: Of;
  readonly key: readonly (keyof Of & string)[];
  /** Unique indexes beside the primary key, by name; `where` of one that holds some rows only. */
  readonly unique: Readonly<Record<string, UniqueKey<Of>>>;
  /** Checks of the table beside those of its columns, by name. */
  readonly checks: Readonly<Record<string, (row: RowOf<Of>) => boolean>>;
  /** Foreign keys; each names the other table's primary key. */
  readonly references: readonly { readonly columns: readonly (keyof Of & string)[]; readonly table: string }[];
  /** What its trigger refuses. */
  readonly never: readonly ('update' | 'delete')[];
};

export type UniqueKey<Of extends Columns = Columns> = {
  readonly columns: readonly (keyof Of & string)[];
  where?(row: RowOf<Of>): boolean;
};

/** A table; what is left out there is none of. */
export function table<const Of extends Columns>(
  columns: Of,
  key: readonly (keyof Of & string)[],
  more: Partial<Omit<TableDefinition<Of>, 'columns' | 'key'>> = {},
): TableDefinition<Of> {
  return { columns, key, unique: {}, checks: {}, references: [], never: [], ...more };
}
