import type { Queryable } from '../shared/postgres/client.ts';

/** The migrations that the database has. */
export async function appliedMigrations(db: Queryable): Promise<{ name: string }[]> {
  return await db.query({ text: 'select name from schema_migrations order by name limit 10000' });
}
