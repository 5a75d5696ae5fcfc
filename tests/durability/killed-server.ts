import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrationsDirectory } from '../../src/main/migrations.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { type CannotStart, isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { testFolderPrefix } from '../harness/test-folder.ts';

/** Whom the kill hits. Backends of a postmaster that was killed alone work on until they notice. */
export const victims = ['the postmaster alone', 'every process of the server'] as const;
export type Victims = (typeof victims)[number];

/** A PostgreSQL as `npm start` runs it, durable and looked after, that is killed on purpose. */
export type KilledServer = {
  readonly url: string;
  /** SIGKILL; resolves when it was sent. */
  kill(whom: Victims): Promise<void>;
  /**
   * After a kill: waits until the server replays its log, and kills it again before it takes connections. Whether it
   * came in time; the server may be faster.
   */
  killWhileRecovering(whom: Victims, afterMs: number): Promise<boolean>;
  /** Waits until it was started again and answers. How long that took, from the call on. */
  recovered(): Promise<number>;
  stop(): Promise<void>;
};

const recoveredWithinMs = 60_000;

export async function startKilledServer(): Promise<KilledServer> {
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-killed-`));
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  let lost: CannotStart | null = null;
  let isLossOurs = false;
  const start = async () => {
    const started = await startEmbeddedPostgres({
      dataDir,
      durable: true,
      log: silentLogger,
      onLost: (fault) => (lost = fault),
    });
    if (isCannotStart(started)) throw new Error(`${started.message} ${started.next}`);
    return started;
  };
  let server = await start().catch(async (thrown: unknown) => {
    await remove();
    throw thrown;
  });
  const { url } = server;
  const clusterDir = join(await realpath(dataDir), 'postgres');
  const probe = connect({ url, applicationName: 'probe', connectionsMax: 1, connectTimeoutMs: 1_000 });
  const migrated = await migrate(probe, { directory: migrationsDirectory });
  if (isCannotStart(migrated)) throw new Error(migrated.message);
  let killed = 0;
  return {
    url,
    async kill(whom) {
      isLossOurs = false;
      killed = await postmasterOf(clusterDir);
      const others = whom === 'the postmaster alone' ? [] : await processesIn(clusterDir);
      // The postmaster first: it would answer the death of a child with a recovery of its own.
      for (const pid of [killed, ...others.filter((pid) => pid !== killed)]) end(pid);
    },
    async killWhileRecovering(whom, afterMs) {
      const postmaster = await recoveringAfter(killed, clusterDir);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      killed = postmaster;
      end(postmaster);
      // Nobody can write it any more: what stands there is how far the server had come.
      const cameInTime = statusOf(clusterDir, postmaster) === 'starting';
      if (whom === 'every process of the server') for (const pid of await processesIn(clusterDir)) end(pid);
      // Who looks after it gives up on a server that dies before it was ready; then it is started again from outside.
      isLossOurs = cameInTime;
      return cameInTime;
    },
    async recovered() {
      const begunAt = Date.now();
      while (Date.now() < begunAt + recoveredWithinMs) {
        if (lost !== null) {
          if (!isLossOurs) throw new Error(`${lost.message} ${lost.next}`);
          lost = null;
          server = await start();
          if (server.url !== url) throw new Error('PostgreSQL came back under another address');
        }
        if (server.pid() !== killed && (await answers(probe))) return Date.now() - begunAt;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`PostgreSQL did not come back within ${recoveredWithinMs} ms`);
    },
    async stop() {
      await probe.close();
      await server.stop({ immediately: true });
      await remove();
    },
  };
}

async function answers(database: Database): Promise<boolean> {
  return await database.query({ text: 'select 1' }).then(
    () => true,
    () => false,
  );
}

/** The postmaster that was started after the one of this number, once its child replays the log. */
async function recoveringAfter(former: number, clusterDir: string): Promise<number> {
  const deadline = Date.now() + recoveredWithinMs;
  while (Date.now() < deadline) {
    const pid = await postmasterOf(clusterDir).catch(() => former);
    if (pid !== former && (await replays(pid))) return pid;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`PostgreSQL did not begin to recover within ${recoveredWithinMs} ms`);
}

/** The startup process says in its title what it does, and is gone when the server takes connections. */
async function replays(postmaster: number): Promise<boolean> {
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').catch(() => '');
  const titles = await Promise.all(
    children.split(' ').map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return titles.some((title) => title.startsWith('postgres: startup'));
}

/** The last line of postmaster.pid: `starting` until it takes connections. */
function statusOf(clusterDir: string, postmaster: number): string {
  const lines = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n');
  return Number(lines[0]) === postmaster ? (lines[7] ?? '').trim() : '';
}

async function postmasterOf(clusterDir: string): Promise<number> {
  const pid = Number((await readFile(join(clusterDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error('postmaster.pid names no process');
  return pid;
}

/** A server and its children work in its data folder. */
async function processesIn(clusterDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      return folder === clusterDir && program.startsWith('postgres') ? [pid] : [];
    }),
  );
  return found.flat();
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself since it was looked for.
  }
}
