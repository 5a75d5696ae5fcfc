import { readdir } from 'node:fs/promises';
import { sleep } from '../shared/clock.ts';
import { type Database, sqlState } from '../shared/postgres/client.ts';
import { cached } from './cached.run.ts';
import { appliedMigrations } from './readiness.sql.ts';

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
  /** The folder that holds the migrations of this version. */
  readonly migrationsDirectory: string;
}): () => Promise<Readiness> {
  return cached(async () => {
    const over = new AbortController();
    const names = applied(options.database);
    const found = await Promise.race([names, sleep(checkTimeoutMs, over.signal).then(() => 'no answer in time')]);
    over.abort();
    if (typeof found === 'string') {
      return { ready: false, checks: [{ name: 'database', ok: false, found }, notAsked] };
    }
    const schema = await compare(options.migrationsDirectory, found);
    return { ready: schema.ok, checks: [{ name: 'database', ok: true, found: 'reachable' }, schema] };
  }, answerKeptMs);
}

const notAsked = { name: 'schema', ok: false, found: 'not asked for' };

/** The names of what was migrated; none without the table; a reason if the database cannot be asked. */
async function applied(database: Database): Promise<readonly string[] | string> {
  const undefinedTable = '42P01';
  try {
    return (await appliedMigrations(database)).map((row) => row.name);
  } catch (error) {
    return sqlState(error) === undefinedTable ? [] : 'not reachable';
  }
}

async function compare(directory: string, names: readonly string[]) {
  const entries = await readdir(directory, { withFileTypes: true });
  const wanted = entries.filter((entry) => entry.isDirectory() && /^\d{4}-/.test(entry.name)).map(({ name }) => name);
  const missing = wanted.filter((name) => !names.includes(name)).length;
  const newer = names.filter((name) => !wanted.includes(name)).length;
  const found =
    missing > 0
      ? `${missing} migrations behind: run onetill migrate`
      : newer > 0
        ? `${newer} migrations ahead: migrated by a newer version`
        : 'up to date';
  return { name: 'schema', ok: missing === 0 && newer === 0, found };
}
