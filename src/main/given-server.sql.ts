import { present } from '../shared/assert.ts';
import type { Queryable } from '../shared/postgres/client.ts';

export type ServerFacts = {
  readonly major: number;
  readonly version: string;
  readonly encoding: string;
  readonly standby: boolean;
  readonly role: string;
  readonly may_create: boolean;
};

/** What decides whether a server that was given can be used. */
export async function serverFacts(db: Queryable): Promise<ServerFacts> {
  const rows = await db.query<ServerFacts>({
    text: `
      select current_setting('server_version_num')::int / 10000 as major,
             current_setting('server_version') as version,
             current_setting('server_encoding') as encoding,
             pg_is_in_recovery() as standby,
             current_user::text as role,
             coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create
      limit 1`,
  });
  return present(rows[0], 'the facts of the server');
}
