import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrationsDirectory } from '../../src/main/migrations.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isAlive } from '../../src/shared/postgres/embedded-cluster.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { runningPostmaster, stopPostmaster } from '../../src/shared/postgres/embedded-process.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { seedShop } from '../harness/shop.ts';
import { rememberMessages } from '../judges/collect.ts';

export type Server = {
  /** A folder of the run's own, gone with it. */
  readonly folder: string;
  /** A database with the schema and a shop without products. It goes with the folder: to drop one is a checkpoint. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
};

const template = 'crash_template';
const folderPrefix = 'onetill-crash-';

/** A durable PostgreSQL of the run's own: what was answered is on disk, as in a real shop. */
export async function startServer(): Promise<Server> {
  await sweepFormerRuns();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: silentLogger });
  if (isCannotStart(server)) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${server.message} ${server.next}`);
  }
  const urlOf = (name: string): string => {
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.toString();
  };
  const admin = connectPatiently(server.url, 1);
  await admin.execute({ text: `create database ${template}` });
  const first = connectPatiently(urlOf(template), 1);
  await migrate(first, { directory: migrationsDirectory });
  await seedShop(first, {});
  await rememberMessages(first);
  await first.close();
  return {
    folder,
    async createDatabase(name) {
      await admin.execute({ text: `create database ${name} template ${template}` });
      return urlOf(name);
    },
    async stop() {
      await admin.close();
      await server.stop({ immediately: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The run's own connections wait as long as it takes: what may be slow here is the machine, and not what is judged. */
export function connectPatiently(url: string, connectionsMax: number): Database {
  const patienceMs = 60_000;
  return connect({
    url,
    applicationName: 'crash matrix',
    connectionsMax,
    connectTimeoutMs: patienceMs,
    statementTimeoutMs: patienceMs,
  });
}

/** Runs that were killed themselves have left their server and its folder behind. */
async function sweepFormerRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = join(tmpdir(), name);
    const cluster = join(folder, 'data', 'postgres');
    const server = await runningPostmaster(cluster);
    if (server !== null) await stopPostmaster(server.pid, cluster, { immediately: true });
    await rm(folder, { recursive: true, force: true });
  }
}
