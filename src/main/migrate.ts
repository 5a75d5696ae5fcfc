import { isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { migrate } from '../shared/postgres/migrate.ts';
import { readArguments } from './arguments.ts';
import { migrationsDirectory } from './migrations.ts';
import { outputTo, tell } from './output.ts';
import { openDatabase, runProcess } from './process.ts';

/** `onetill migrate`: brings the schema to this version and ends. */
export async function run(argv: readonly string[]): Promise<number> {
  if (readArguments('migrate', argv) === null) return 2;
  const output = outputTo(process.stdout);
  const code = await runProcess('migrate', async (context) => {
    const database = openDatabase(context, 'migrate', 1);
    try {
      const result = await migrate(database, {
        directory: migrationsDirectory,
        onProgress: (name) => output.write(`Migrating the database: ${name}\n`),
      });
      if (isCannotStart(result)) return result;
      const { applied, already } = result;
      output.write(`The schema is up to date: ${applied.length} applied now, ${already} before.\n`);
    } finally {
      await database.close();
    }
    return null;
  });
  const fault = await output.settled();
  if (fault !== null) tell(fault);
  return fault === null ? code : 1;
}
