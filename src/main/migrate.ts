import { isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { migrate } from '../shared/postgres/migrate.ts';
import { migrationsDirectory } from './migrations.ts';
import { openDatabase, runProcess } from './process.ts';

/** `onetill migrate`: brings the schema to this version and ends. */
export async function run(_argv: readonly string[]): Promise<number> {
  return await runProcess('migrate', async (context) => {
    const database = openDatabase(context, 'migrate', 1);
    try {
      const result = await migrate(database, {
        directory: migrationsDirectory,
        onProgress: (name) => process.stdout.write(`Migrating the database: ${name}\n`),
      });
      if (isCannotStart(result)) return result;
      const { applied, already } = result;
      process.stdout.write(`The schema is up to date: ${applied.length} applied now, ${already} before.\n`);
    } finally {
      await database.close();
    }
    return null;
  });
}
