import { present } from '../shared/assert.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { DurabilitySettings } from './durability.ts';

/** The migrations that the database has. */
export async function appliedMigrations(db: Queryable): Promise<{ name: string }[]> {
  return await db.query({ text: 'select name from schema_migrations order by name limit 10000' });
}

/** As this session has them: a role or a database may have values of its own. */
export async function durabilitySettings(db: Queryable): Promise<DurabilitySettings> {
  const rows = await db.query<DurabilitySettings>({
    text: `
      select current_setting('fsync') as fsync,
             current_setting('full_page_writes') as full_page_writes,
             current_setting('synchronous_commit') as synchronous_commit
      limit 1`,
  });
  return present(rows[0], 'the settings of the server');
}
