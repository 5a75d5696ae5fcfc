import { fileURLToPath } from 'node:url';
import type { Logger } from '../shared/log.ts';
import { connect } from '../shared/postgres/client.ts';
import type { CannotStart } from '../shared/postgres/embedded-fault.ts';
import { migrate } from '../shared/postgres/migrate.ts';

/** What every part of the start command is handed. */
export type DevContext = {
  /** With its password. */
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly apiPort: number;
  readonly providerPort: number;
  readonly log: Logger;
  /** Shows a line while something takes longer than a second. */
  readonly onProgress: (line: string) => void;
  /** Aborts when the start or the run is being stopped. */
  readonly signal: AbortSignal;
  /** Ends the whole run with this message: for a part that cannot go on. */
  readonly fail: (fault: CannotStart) => void;
};

export type StartedPart = {
  /** One line for the banner, such as an address. Empty: not shown there. */
  readonly detail: string;
  /** Shown in the banner: one command that buys something. */
  readonly tryIt?: string;
  /** Shown in the banner: a command or an address, and what it shows. */
  readonly next?: readonly (readonly [string, string])[];
  /** Where it really listens, for the other commands: port 0 is known only now. */
  readonly addresses?: { readonly apiUrl?: string; readonly providerUrl?: string };
  stop(): Promise<void>;
};

export type Part = {
  /** As the banner and the messages call it. */
  readonly name: string;
  start(): Promise<StartedPart | CannotStart>;
};

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Everything that the start command runs, in the order of starting. It is stopped in the opposite order. */
export function parts(context: DevContext): readonly Part[] {
  return [schema(context)];
}

function schema(context: DevContext): Part {
  return {
    name: 'schema',
    async start() {
      const database = connect({ url: context.databaseUrl, applicationName: 'onetill migrate', connectionsMax: 1 });
      try {
        const { applied } = await migrate(database, {
          directory: migrationsDirectory,
          onProgress: (name) => context.onProgress(`Migrating the database: ${name}`),
        });
        context.log.info('the schema is up to date', { count: applied.length });
      } finally {
        await database.close();
      }
      return { detail: '', stop: async () => {} };
    },
  };
}
