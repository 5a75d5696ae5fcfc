import { fileURLToPath } from 'node:url';
import { migrate } from '../shared/postgres/migrate.ts';
import { openDatabase, runProcess } from './process.ts';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

/** `onetill migrate`: brings the schema to this version and ends. */
export async function run(_argv: readonly string[]): Promise<number> {
  return await runProcess('migrate', async (context) => {
    const database = openDatabase(context, 'migrate', 1);
    try {
      const { applied, already } = await migrate(database, {
        directory: migrationsDirectory,
        onProgress: (name) => process.stdout.write(`Migrating the database: ${name}\n`),
      });
      process.stdout.write(`The schema is up to date: ${applied.length} applied now, ${already} before.\n`);
    } finally {
      await database.close();
    }
    return null;
  });
}
