import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importProducts } from '../src/catalog/import.cli.ts';
import { demoMerchant, seedDemoShop } from '../src/main/demo-shop.sql.ts';
import { isRefused } from '../src/shared/failure.ts';
import { silentLogger } from '../src/shared/log.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { startEmbeddedPostgres } from '../src/shared/postgres/embedded.ts';
import { isCannotStart } from '../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../src/shared/postgres/migrate.ts';

/** What the measurements stand on: one PostgreSQL with the settings of `npm start`, the real catalogue in it. */
export type Ground = {
  readonly url: string;
  readonly dataDir: string;
  /** For setting up and checking; what is measured opens pools of its own. */
  readonly database: Database;
  readonly serverPid: () => number;
  /** Removes everything, on whatever way the run ends. */
  stop(): Promise<void>;
};

/** Enough for any run: running out of stock is another measurement. */
export const unitsOfEach = 10_000_000;

const migrationsDirectory = fileURLToPath(new URL('../migrations', import.meta.url));
const sampleFile = fileURLToPath(new URL('../data/online-retail/online-retail-40k.csv.gz', import.meta.url));

/** Starts the server on a fresh folder, imports the sample catalogue and fills the shelves. */
export async function layGround(): Promise<Ground> {
  const dataDir = await mkdtemp(join(tmpdir(), 'onetill-bench-'));
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const server = await startEmbeddedPostgres({ dataDir, durable: true, log: silentLogger });
  if (isCannotStart(server)) {
    await remove();
    throw new Error(`${server.message} ${server.next}`);
  }
  const database = connect({ url: server.url, applicationName: 'onetill bench', connectionsMax: 2 });
  const stop = async () => {
    await database.close().catch(() => {});
    await server.stop({ immediately: true });
    await remove();
  };
  try {
    const migrated = await migrate(database, { directory: migrationsDirectory });
    if (isCannotStart(migrated)) throw new Error(`${migrated.message} ${migrated.next}`);
    await seedDemoShop(database);
    const { merchantId } = demoMerchant;
    const summary = await importProducts({ database, file: sampleFile, merchantId });
    if (isRefused(summary)) throw new Error(summary.message);
    await fillShelves(database, merchantId);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, dataDir, database, serverPid: server.pid, stop };
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
  await database.execute({ text: 'vacuum analyze' });
  await database.execute({ text: 'checkpoint' });
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
