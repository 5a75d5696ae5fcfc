import { present } from '../shared/assert.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { DurabilitySettings } from './durability.ts';

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
