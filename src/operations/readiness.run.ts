import { sleep } from '../shared/clock.ts';
import { type Database, sqlState } from '../shared/postgres/client.ts';
import { appliedMigrations, readMigrations } from '../shared/postgres/migrate.ts';
import { type AppliedMigration, compareSchema, type Migration } from '../shared/postgres/schema-state.ts';
import { cached } from './cached.run.ts';
import { undurable } from './durability.ts';
import { durabilitySettings } from './readiness.sql.ts';
import { counted } from './screen.ts';

/** Whether this process can do its work now, and what each check found. Says nothing that an attacker could use. */
export type Readiness = {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly found: string }[];
};

/** A probe that hears nothing for longer gives up by itself. */
const checkTimeoutMs = 2_000;
const answerKeptMs = 1_000;

/**
 * Looks at most once a second, however often it is asked: is the database reachable, is its schema ours, does it keep
 * what it commits, and do our own loops turn?
 */
export function createReadiness(options: {
  readonly database: Database;
  /** The folder that holds the migrations of this version. It is read once: a process is of one version. */
  readonly migrationsDirectory: string;
  /** Loops of this process that have ended though nobody stopped them. */
  readonly endedLoops?: () => readonly string[];
}): () => Promise<Readiness> {
  let ours: Promise<readonly Migration[]> | null = null;
  return cached(async () => {
    const over = new AbortController();
    const late = sleep(checkTimeoutMs, over.signal).then(() => 'no answer in time');
    const found = await Promise.race([ask(options.database), late]);
    over.abort();
    const loops = options.endedLoops === undefined ? [] : [loopsCheck(options.endedLoops())];
    if (typeof found === 'string') {
      return verdict([{ name: 'database', ok: false, found }, ...notAsked, ...loops]);
    }
    ours ??= readMigrations(options.migrationsDirectory);
    const schema = compare(found.applied, await ours);
    const durability = { name: 'durability', ok: found.unsafe.length === 0, found: found.unsafe.join(', ') || 'on' };
    return verdict([{ name: 'database', ok: true, found: 'reachable' }, schema, durability, ...loops]);
  }, answerKeptMs);
}

type Check = Readiness['checks'][number];

function verdict(checks: readonly Check[]): Readiness {
  return { ready: checks.every(({ ok }) => ok), checks };
}

const notAsked: readonly Check[] = [
  { name: 'schema', ok: false, found: 'not asked for' },
  { name: 'durability', ok: false, found: 'not asked for' },
];

function loopsCheck(ended: readonly string[]): Check {
  return { name: 'loops', ok: ended.length === 0, found: ended.length === 0 ? 'turn' : `ended: ${ended.join(', ')}` };
}

type Found = { readonly applied: readonly AppliedMigration[]; readonly unsafe: readonly string[] };

/** What the database says of itself; a reason if it cannot be asked. */
async function ask(database: Database): Promise<Found | string> {
  try {
    const [migrated, settings] = await Promise.all([applied(database), durabilitySettings(database)]);
    return { applied: migrated, unsafe: undurable(settings) };
  } catch {
    return 'not reachable';
  }
}

/** What was migrated; nothing without the table. */
async function applied(database: Database): Promise<readonly AppliedMigration[]> {
  const undefinedTable = '42P01';
  try {
    return await appliedMigrations(database);
  } catch (error) {
    if (sqlState(error) === undefinedTable) return [];
    throw error;
  }
}

function compare(found: readonly AppliedMigration[], ours: readonly Migration[]): Check {
  const { missing, newer, ahead, changed } = compareSchema(found, ours);
  const check = (ok: boolean, words: string): Check => ({ name: 'schema', ok, found: words });
  if (missing.length > 0) return check(false, `${counted(missing.length, 'migration')} behind: run onetill migrate`);
  if (newer.length > 0) {
    return check(false, `${counted(newer.length, 'migration')} ahead: migrated by a newer version`);
  }
  if (changed.length > 0) {
    return check(false, `${counted(changed.length, 'migration')} changed since they were applied`);
  }
  return check(true, ahead.length === 0 ? 'up to date' : `up to date, and ${counted(ahead.length, 'migration')} ahead`);
}
