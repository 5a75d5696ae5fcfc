import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { silentLogger } from '../../src/shared/log.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isAlive } from '../../src/shared/postgres/embedded-cluster.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { runningPostmaster, stopPostmaster } from '../../src/shared/postgres/embedded-process.ts';
import { testFolderPrefix } from './test-folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server where tests may create and drop databases. */
    postgresUrl: string;
  }
}

/**
 * One PostgreSQL for the whole run: that of TEST_DATABASE_URL, or an embedded one in a folder that goes with the run.
 * It forgets on a crash of the machine (fsync off); a test of durability starts an embedded one of its own.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return undefined;
  }
  await sweepFormerRuns();
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-`));
  const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silentLogger });
  if (isCannotStart(server)) {
    await rm(dataDir, { recursive: true, force: true });
    throw new Error(`${server.message} ${server.next}`);
  }
  project.provide('postgresUrl', server.url);
  // The runner ends at once when it is interrupted, without teardown; only a kill leaves work to the next run's sweep.
  const removeNow = () => removeAtExit(server.pid(), dataDir);
  process.once('exit', removeNow);
  return async () => {
    process.off('exit', removeNow);
    await server.stop({ immediately: true });
    await rm(dataDir, { recursive: true, force: true });
  };
}

/** Nothing can be awaited at the exit of a process, so this blocks, for the tenth of a second that it takes. */
function removeAtExit(pid: number, dataDir: string): void {
  const triesMax = 100;
  const pollMs = 20;
  try {
    process.kill(pid, 'SIGQUIT');
    for (let tries = 0; tries < triesMax && isAlive(pid); tries += 1) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** Runs that were killed have left their server and its folder behind. */
async function sweepFormerRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${testFolderPrefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = join(tmpdir(), name);
    const server = await runningPostmaster(join(folder, 'postgres'));
    if (server !== null) await stopPostmaster(server.pid, join(folder, 'postgres'), { immediately: true });
    await rm(folder, { recursive: true, force: true });
  }
}
