import { migrationsDirectory } from '../../src/main/migrations.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { randomFrom } from '../harness/chance.ts';
import { type DurableServer, startDurableServer } from '../harness/durable-server.ts';
import type { Part, PartReport } from '../prove/part.ts';
import { everyOrder } from './every-order.ts';
import { oneKey } from './one-key.ts';
import { pausedWorker } from './paused-worker.ts';
import type { Race, Raced } from './race.ts';
import { skewedClocks } from './skewed-clocks.ts';
import { tenUnits } from './ten-units.ts';
import { twoSweepers } from './two-sweepers.ts';

const races: readonly Race[] = [oneKey, tenUnits, everyOrder, twoSweepers, pausedWorker, skewedClocks];

/** Each race has a database of its own, and all judges look at what is left of it. */
export const racesPart: Part = {
  name: 'races',
  tries: 'buyers, sessions, sweepers, paused workers and wrong clocks that want the same thing at the same moment',
  async run({ scale, seed, progress }) {
    const server = await startDurableServer();
    try {
      const raced: (Raced & { readonly race: string })[] = [];
      for (const [index, race] of races.entries()) {
        progress(race.name);
        const databaseUrl = await migratedDatabase(server);
        const random = randomFrom(seed + index);
        raced.push({ race: race.name, ...(await race.run({ databaseUrl, scale, random, progress })) });
      }
      return reportOf(seed, raced);
    } finally {
      await server.stop();
    }
  },
};

async function migratedDatabase(server: DurableServer): Promise<string> {
  const url = await server.createDatabase();
  const database = connect({ url, applicationName: 'tests', connectionsMax: 1 });
  try {
    const migrated = await migrate(database, { directory: migrationsDirectory });
    if (isCannotStart(migrated)) throw new Error(migrated.message);
    return url;
  } finally {
    await database.close();
  }
}

/** What has to have happened in each race, for it to prove anything. */
const least: Readonly<Record<string, number>> = {
  'acknowledged operations': 400,
  'rounds of 64 buyers with one key': 1,
  'buyers for ten units': 100,
  'sessions raced in every order': 48,
  'events held back in sessions': 1,
  'overdue orders among sweepers': 10,
  'forgotten payments among sweepers': 10,
  'parked undos among sweepers': 10,
  'workers paused beyond their lease': 6,
  'orders among skewed clocks': 20,
  'webhooks refused for their time': 1,
};

function reportOf(seed: number, raced: readonly (Raced & { readonly race: string })[]): PartReport {
  const operations = raced.reduce((sum, each) => sum + each.operations, 0);
  const acknowledged = raced.reduce((sum, each) => sum + each.acknowledged, 0);
  const figures = {
    races: raced.length,
    operations,
    'acknowledged operations': acknowledged,
    ...Object.assign({}, ...raced.map((each) => each.figures)),
  };
  return {
    seed,
    figures,
    floors: Object.entries(least).map(([figure, floor]) => ({ figure, least: floor, had: figures[figure] ?? 0 })),
    violations: raced.flatMap(({ race, violations }) =>
      violations.map((each) => ({ ...each, where: `${race}, seed ${seed}` })),
    ),
  };
}
