import { mkdir, realpath } from 'node:fs/promises';
import { findBinaries } from '../src/shared/postgres/embedded-binaries.ts';
import { clusterPaths, ensureCluster, ensureFolder, keptPassword } from '../src/shared/postgres/embedded-cluster.ts';
import { type CannotStart, isCannotStart } from '../src/shared/postgres/embedded-fault.ts';
import { embeddedDatabase, own, urlOf } from '../src/shared/postgres/embedded-owner.ts';
import { choosePort, startPostmaster, stopPostmaster } from '../src/shared/postgres/embedded-process.ts';
import { settingArguments } from '../src/shared/postgres/embedded-settings.ts';
import { chooseRunner } from '../src/shared/postgres/embedded-user.ts';

export type BenchServer = { readonly url: string; readonly pid: number; stop(): Promise<void> };

/**
 * What the measurements need beyond the settings of `npm start`, and what costs nothing where it is not used: room for
 * the 256 connections of the reference, and the statements' counters, which count only where a session asks for it.
 */
const additions = [
  ['max_connections', '400'],
  ['shared_preload_libraries', 'pg_stat_statements'],
  ['pg_stat_statements.track', 'none'],
] as const;

/** Starts the embedded PostgreSQL as `npm start` does, with the additions. It is not started again when it dies. */
export async function startBenchServer(folder: string): Promise<BenchServer> {
  await mkdir(folder, { recursive: true });
  const dataDir = await realpath(folder);
  const binaries = required(await findBinaries());
  const { clusterDir, logDir, startLog, passwordFile } = clusterPaths(dataDir);
  const runner = required(await chooseRunner({ binaries, dataDir, clusterDir }));
  const onProgress = () => {};
  required(await ensureCluster({ dataDir, binaries, runner, durable: true, onProgress }));
  await ensureFolder(logDir, runner);
  const password = await keptPassword(passwordFile);
  const settings = [
    ...settingArguments({ durable: true, logDir, version: binaries.version }).arguments,
    ...additions.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const port = await choosePort(clusterDir, { avoidLast: false });
  const outcome = await startPostmaster({ binaries, runner, clusterDir, port, settings, startLog, onProgress });
  if (outcome.kind !== 'ready') {
    throw new Error(`PostgreSQL did not start: ${outcome.kind === 'failed' ? outcome.output : outcome.kind}`);
  }
  const { postmaster } = outcome;
  const access = { password, passwordFile, logDir, onProgress };
  const lock = await own(access, postmaster, { dataDir }, () => {});
  return {
    url: urlOf(access, port, embeddedDatabase),
    pid: postmaster.pid,
    async stop() {
      if (!isCannotStart(lock)) await lock.release();
      await stopPostmaster(postmaster.pid, clusterDir, { immediately: true });
    },
  };
}

function required<T>(found: T | CannotStart): T {
  if (found !== null && isCannotStart(found as object)) {
    const { message, next } = found as CannotStart;
    throw new Error(`${message} ${next}`);
  }
  return found as T;
}
