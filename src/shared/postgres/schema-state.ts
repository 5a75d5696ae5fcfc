import { createHash } from 'node:crypto';

/** A migration of this version: what its up.sql says, and a name for just that text. */
export type Migration = { readonly name: string; readonly sql: string; readonly sha256: string };

/** A migration that a database has. Null: it was applied before the texts were kept. */
export type AppliedMigration = { readonly name: string; readonly sha256: string | null };

export type SchemaState = {
  /** Of this version and not in the database yet. */
  readonly missing: readonly string[];
  /** In the database and unknown to this version: a newer one has made them. */
  readonly newer: readonly string[];
  /** In the database with another text than in this version. */
  readonly changed: readonly string[];
};

/** How the schema of a database stands to that of this version. */
export function compareSchema(applied: readonly AppliedMigration[], ours: readonly Migration[]): SchemaState {
  const sha256Of = new Map(applied.map((each) => [each.name, each.sha256]));
  const known = new Set(ours.map(({ name }) => name));
  return {
    missing: ours.filter(({ name }) => !sha256Of.has(name)).map(({ name }) => name),
    newer: applied.filter(({ name }) => !known.has(name)).map(({ name }) => name),
    changed: ours.filter(({ name, sha256 }) => (sha256Of.get(name) ?? sha256) !== sha256).map(({ name }) => name),
  };
}

/** The same for every checkout of the same text: git may give it other line endings. */
export function sha256OfText(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');
}
