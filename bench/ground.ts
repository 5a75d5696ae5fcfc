import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importProducts } from '../src/catalog/import.cli.ts';
import { demoMerchant, seedDemoShop } from '../src/main/demo-shop.sql.ts';
import { isRefused } from '../src/shared/failure.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { isCannotStart } from '../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../src/shared/postgres/migrate.ts';
import { startBenchServer } from './server.ts';

/** What the measurements stand on: one PostgreSQL with the settings of `npm start`, the real catalogue in it. */
export type Ground = {
  readonly url: string;
  readonly dataDir: string;
  /** For setting up and checking; what is measured opens pools of its own. */
  readonly database: Database;
  readonly serverPid: number;
  readonly pace: Pace;
  /** Removes everything, on whatever way the run ends. */
  stop(): Promise<void>;
};

/** How long it is measured. `--quick` is for trying out what is measured, never for figures. */
export type Pace = {
  /** Of each run of a comparison. */
  readonly secondsPerRun: number;
  /** Runs of each side; the figure is the median. */
  readonly rounds: number;
  readonly soakMinutes: number;
  readonly hotBuyers: number;
  /** In the largest of the tables whose growth is measured. */
  readonly ordersMax: number;
};

export const fullPace: Pace = {
  secondsPerRun: 2.5,
  rounds: 3,
  soakMinutes: 1,
  hotBuyers: 10_000,
  ordersMax: 1_000_000,
};
export const quickPace: Pace = { secondsPerRun: 0.7, rounds: 1, soakMinutes: 0.2, hotBuyers: 2_000, ordersMax: 20_000 };

/** Enough for any run: running out of stock is another measurement. */
export const unitsOfEach = 10_000_000;

/** For what sets up and checks: a vacuum of a large table takes its time. */
export const setUpTimeoutMs = 600_000;

const migrationsDirectory = fileURLToPath(new URL('../migrations', import.meta.url));
const sampleFile = fileURLToPath(new URL('../data/online-retail/online-retail-40k.csv.gz', import.meta.url));

/** Starts the server on a fresh folder, imports the sample catalogue and fills the shelves. */
export async function layGround(pace: Pace): Promise<Ground> {
  const dataDir = await mkdtemp(join(tmpdir(), 'onetill-bench-'));
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const server = await startBenchServer(dataDir).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const database = connect({
    addsUp: true,
    url: server.url,
    applicationName: 'onetill bench',
    connectionsMax: 2,
    statementTimeoutMs: setUpTimeoutMs,
  });
  const stop = async () => {
    await database.close().catch(() => {});
    await server.stop();
    await remove();
  };
  try {
    await furnish(database);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, dataDir, database, serverPid: server.pid, pace, stop };
}

/** The schema, the shop and its catalogue, and plenty of everything. */
async function furnish(database: Database): Promise<void> {
  const migrated = await migrate(database, { directory: migrationsDirectory });
  if (isCannotStart(migrated)) throw new Error(`${migrated.message} ${migrated.next}`);
  await seedDemoShop(database);
  const { merchantId } = demoMerchant;
  const summary = await importProducts({ database, file: sampleFile, merchantId });
  if (isRefused(summary)) throw new Error(summary.message);
  await fillShelves(database, merchantId);
}

/** Another database of the same server, empty or furnished. */
export async function makeDatabase(ground: Ground, name: string, how: 'empty' | 'furnished'): Promise<string> {
  await ground.database.execute({ text: `create database ${name}` });
  const url = new URL(ground.url);
  url.pathname = `/${name}`;
  if (how === 'empty') return url.href;
  const database = connect({ url: url.href, applicationName: 'onetill bench', connectionsMax: 2, addsUp: true });
  try {
    await furnish(database);
  } finally {
    await database.close();
  }
  return url.href;
}

export async function dropDatabase(ground: Ground, name: string): Promise<void> {
  await ground.database.execute({ text: `drop database if exists ${name} with (force)` });
}

/** Gives every product of the merchant plenty, booked as an adjustment like any other. */
export async function fillShelves(database: Database, merchantId: string): Promise<void> {
  await database.execute({
    text: `
      with filled as (
        update stock set received_units = received_units + $2 where merchant_id = $1 returning sku
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      select gen_random_uuid(), $1, sku, $2, 'bench', 'bench' from filled`,
    values: [merchantId, unitsOfEach],
  });
}

/** Equal ground before each run: no leftover vacuum, fresh statistics, dirty pages written. */
export async function settle(database: Database): Promise<void> {
  await database.execute({ text: 'vacuum analyze', takesItsTime: true });
  await database.execute({ text: 'checkpoint', takesItsTime: true });
}

export async function postgresVersion(database: Database): Promise<string> {
  const rows = await database.query<{ version: string }>({
    text: `select current_setting('server_version') as version`,
  });
  return rows[0]?.version ?? 'unknown';
}

/** The orders of the shop so far. */
export async function countOrders(database: Database): Promise<number> {
  const rows = await database.query<{ count: number }>({
    text: 'select count(*)::integer as count from orders where merchant_id = $1',
    values: [demoMerchant.merchantId],
  });
  return rows[0]?.count ?? 0;
}
