import { sleep } from '../shared/clock.ts';
import { type Database, sqlState } from '../shared/postgres/client.ts';
import { appliedMigrations, readMigrations } from '../shared/postgres/migrate.ts';
import { type AppliedMigration, compareSchema, type Migration } from '../shared/postgres/schema-state.ts';
import { cached } from './cached.run.ts';

/** Whether this process can do its work now, and what each check found. Says nothing that an attacker could use. */
export type Readiness = {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly found: string }[];
};

/** A probe that hears nothing for longer gives up by itself. */
const checkTimeoutMs = 2_000;
const answerKeptMs = 1_000;

/** Looks at most once a second, however often it is asked: is the database reachable, and is its schema ours? */
export function createReadiness(options: {
  readonly database: Database;
  /** The folder that holds the migrations of this version. It is read once: a process is of one version. */
  readonly migrationsDirectory: string;
}): () => Promise<Readiness> {
  let ours: Promise<readonly Migration[]> | null = null;
  return cached(async () => {
    const over = new AbortController();
    const asked = applied(options.database);
    const found = await Promise.race([asked, sleep(checkTimeoutMs, over.signal).then(() => 'no answer in time')]);
    over.abort();
    if (typeof found === 'string') {
      return { ready: false, checks: [{ name: 'database', ok: false, found }, notAsked] };
    }
    ours ??= readMigrations(options.migrationsDirectory);
    const schema = judge(found, await ours);
    return { ready: schema.ok, checks: [{ name: 'database', ok: true, found: 'reachable' }, schema] };
  }, answerKeptMs);
}

const notAsked = { name: 'schema', ok: false, found: 'not asked for' };

/** What was migrated; nothing without the table; a reason if the database cannot be asked. */
async function applied(database: Database): Promise<readonly AppliedMigration[] | string> {
  const undefinedTable = '42P01';
  try {
    return await appliedMigrations(database);
  } catch (error) {
    return sqlState(error) === undefinedTable ? [] : 'not reachable';
  }
}

function judge(found: readonly AppliedMigration[], ours: readonly Migration[]): Readiness['checks'][number] {
  const { missing, newer, changed } = compareSchema(found, ours);
  const check = (ok: boolean, words: string) => ({ name: 'schema', ok, found: words });
  if (missing.length > 0) return check(false, `${missing.length} migrations behind: run onetill migrate`);
  if (newer.length > 0) return check(false, `${newer.length} migrations ahead: migrated by a newer version`);
  if (changed.length > 0) return check(false, `${changed.length} migrations changed since they were applied`);
  return check(true, 'up to date');
}
