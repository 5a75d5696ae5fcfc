import { createHash } from 'node:crypto';

/** A migration of this version: what its up.sql says, and a name for just that text. */
export type Migration = {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
  /** Code of the version before cannot run on it: its up.sql begins with `-- breaking: ` and the reason. */
  readonly isBreaking: boolean;
};

/** A migration that a database has. Null: it was applied before the texts were kept. */
export type AppliedMigration = { readonly name: string; readonly sha256: string | null; readonly isBreaking: boolean };

/** The migration that an up.sql makes. */
export function migrationOf(name: string, sql: string): Migration {
  return { name, sql, sha256: sha256OfText(sql), isBreaking: sql.startsWith('-- breaking: ') };
}

export type SchemaState = {
  /** Of this version and not in the database yet. */
  readonly missing: readonly string[];
  /** In the database, unknown to this version, and such that this version cannot run on them: a newer one's. */
  readonly newer: readonly string[];
  /**
   * In the database and unknown to this version, which runs on them all the same: while a release is rolled out, old
   * processes go on, and may start again, on the new schema.
   */
  readonly ahead: readonly string[];
  /** In the database with another text than in this version. */
  readonly changed: readonly string[];
};

/** How the schema of a database stands to that of this version. */
export function compareSchema(applied: readonly AppliedMigration[], ours: readonly Migration[]): SchemaState {
  const sha256Of = new Map(applied.map((each) => [each.name, each.sha256]));
  const known = new Set(ours.map(({ name }) => name));
  const missing = ours.filter(({ name }) => !sha256Of.has(name)).map(({ name }) => name);
  const unknown = applied.filter(({ name }) => !known.has(name));
  // What is missing here would be applied after what was made to follow it: nobody has tried that.
  const isNewer = (each: AppliedMigration): boolean => each.isBreaking || missing.length > 0;
  return {
    missing,
    newer: unknown.filter(isNewer).map(({ name }) => name),
    ahead: unknown.filter((each) => !isNewer(each)).map(({ name }) => name),
    changed: ours.filter(({ name, sha256 }) => (sha256Of.get(name) ?? sha256) !== sha256).map(({ name }) => name),
  };
}

/** The same for every checkout of the same text: git may give it other line endings. */
export function sha256OfText(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');
}
