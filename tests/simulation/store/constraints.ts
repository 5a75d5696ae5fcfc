import type { AnyRow, AnyTable } from './schema.ts';
import { failWith, type SqlError } from './sql-error.ts';

/** The row with its defaults. */
export function filled(table: AnyTable, given: AnyRow, now: Date): AnyRow {
  const row: Record<string, unknown> = {};
  for (const [name, { initial }] of table.columns) row[name] = given[name] ?? initial?.(now) ?? null;
  return row;
}

/** The row, if it keeps what the table asks of each row by itself. */
export function checked(table: AnyTable, row: AnyRow): AnyRow {
  for (const [name, column] of table.columns) {
    const value = row[name];
    if (value === null && !column.isNullable) {
      throw failWith('not_null_violation', `null value in column "${name}" of relation "${table.name}"`);
    }
    if (!column.fits(value)) throw violated(table, `${table.name}_${name}_check`);
  }
  for (const [name, holds] of table.checks) if (!holds(row)) throw violated(table, name);
  return row;
}

function violated({ name: table }: AnyTable, name: string): SqlError {
  return failWith('check_violation', `new row for relation "${table}" violates check constraint "${name}"`, name);
}

export function duplicate(name: string): SqlError {
  return failWith('unique_violation', `duplicate key value violates unique constraint "${name}"`, name);
}

export function orphan(table: AnyTable, parent: string): SqlError {
  return failWith('foreign_key_violation', `"${table.name}" refers to a row of "${parent}" that is not there`);
}

export function immutable({ name }: AnyTable): SqlError {
  return failWith('restrict_violation', `${name} rows are never changed`);
}

/** Whether two rows have the same values there. Null is like nothing, not even itself. */
export function isAlike(columns: readonly string[], left: AnyRow, right: AnyRow): boolean {
  return columns.every((name) => {
    const [mine, other] = [left[name], right[name]];
    if (mine === null || other === null) return false;
    return mine === other || (mine instanceof Uint8Array && Buffer.compare(mine, other as Uint8Array) === 0);
  });
}
