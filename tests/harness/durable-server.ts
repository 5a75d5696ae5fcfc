import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { testFolderPrefix } from './test-folder.ts';

/** A server of its own with the settings of `npm start`: the one of the run forgets on a crash, and is refused. */
export type DurableServer = {
  readonly admin: Database;
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
};

export async function startDurableServer(): Promise<DurableServer> {
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-durable-`));
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const server = await startEmbeddedPostgres({ dataDir, durable: true, log: silentLogger });
  if (isCannotStart(server)) {
    await remove();
    throw new Error(`${server.message} ${server.next}`);
  }
  const admin = connect({ url: server.url, applicationName: 'tests', connectionsMax: 2 });
  return {
    admin,
    async createDatabase() {
      const name = `durable_${newUuid().replaceAll('-', '')}`;
      await admin.execute({ text: `create database ${name}` });
      return Object.assign(new URL(server.url), { pathname: `/${name}` }).toString();
    },
    async stop() {
      await admin.close();
      await server.stop({ immediately: true });
      await remove();
    },
  };
}
