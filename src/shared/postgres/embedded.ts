import { mkdir, realpath } from 'node:fs/promises';
import { never } from '../assert.ts';
import { sleep, stopwatch } from '../clock.ts';
import { toError } from '../failure.ts';
import type { Logger } from '../log.ts';
import { type Binaries, findBinaries } from './embedded-binaries.ts';
import { clusterPaths, ensureCluster, ensureFolder, isAlive, keptPassword } from './embedded-cluster.ts';
import {
  type CannotStart,
  cannotStart,
  diesAtOnce,
  explainServerOutput,
  explainSystemError,
  isCannotStart,
} from './embedded-fault.ts';
import type { HeldLock } from './embedded-lock.ts';
import { embeddedDatabase, fingerprintOf, own, takenNext, urlOf } from './embedded-owner.ts';
import {
  choosePort,
  clearRemains,
  type Postmaster,
  runningPostmaster,
  startPostmaster,
  stopPostmaster,
} from './embedded-process.ts';
import { settingArguments } from './embedded-settings.ts';
import { chooseRunner, type Runner } from './embedded-user.ts';

export type EmbeddedPostgres = {
  /** With the password in it: not for printing. */
  readonly url: string;
  readonly port: number;
  /** Of the postmaster. Changes when it died and was started again. */
  readonly pid: () => number;
  /** Whether it was still running from a start that was killed. */
  readonly adopted: boolean;
  readonly passwordFile: string;
  readonly logDir: string;
  /** Stops the server, fast; or at once, and then it recovers at the next start. Idempotent. */
  stop(options?: { readonly immediately: boolean }): Promise<void>;
};

export type EmbeddedOptions = {
  readonly dataDir: string;
  /** False only in tests that do not test durability. */
  readonly durable?: boolean;
  readonly log: Logger;
  /** Told what takes longer than a moment. */
  readonly onProgress?: (line: string) => void;
  /** The server is gone and could not be brought back, or another start has taken the data over. */
  readonly onLost?: (fault: CannotStart) => void;
  /** How long to wait for the former holder of this data to go. */
  readonly lockWaitMs?: number;
  /** Ends that waiting. */
  readonly signal?: AbortSignal;
};

const startTriesMax = 5;

/**
 * Starts PostgreSQL on the data folder, or takes over the one that a killed start has left running on it, and keeps it
 * running: when it dies it is started again. It is this process's alone, until stop(); a second call on the same
 * folder, from any process, answers that it is taken and disturbs nothing.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres | CannotStart> {
  try {
    const ground = await prepareGround(options);
    return isCannotStart(ground) ? ground : await begin(ground, options);
  } catch (error) {
    const fault = explainSystemError(error, options.dataDir);
    if (fault === null) throw error;
    return fault;
  }
}

type Ground = {
  readonly binaries: Binaries;
  readonly runner: Runner;
  readonly clusterDir: string;
  readonly logDir: string;
  readonly startLog: string;
  readonly passwordFile: string;
  readonly password: string;
  readonly settings: ReturnType<typeof settingArguments>;
  readonly onProgress: (line: string) => void;
};

async function prepareGround(options: EmbeddedOptions): Promise<Ground | CannotStart> {
  const binaries = await findBinaries();
  if (isCannotStart(binaries)) return binaries;
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const paths = clusterPaths(dataDir);
  const runner = await chooseRunner({ binaries, dataDir, clusterDir: paths.clusterDir });
  if (isCannotStart(runner)) return runner;
  const durable = options.durable ?? true;
  const onProgress = options.onProgress ?? (() => {});
  const fault = await ensureCluster({ dataDir, binaries, runner, durable, onProgress });
  if (fault !== null) return fault;
  await ensureFolder(paths.logDir, runner);
  const settings = settingArguments({ durable, logDir: paths.logDir, version: binaries.version });
  return { binaries, runner, ...paths, password: await keptPassword(paths.passwordFile), settings, onProgress };
}

async function begin(ground: Ground, options: EmbeddedOptions): Promise<EmbeddedPostgres | CannotStart> {
  const found = await runningPostmaster(ground.clusterDir);
  let postmaster = found ?? (await startAnew(ground, undefined));
  if (isCannotStart(postmaster)) return postmaster;
  // The session of the lock can end before there is anybody to mend it; then the first watch notices.
  const session = { onLost: () => {} };
  const onLost = () => session.onLost();
  let lock = await own(ground, postmaster, options, onLost);
  if (isCannotStart(lock)) {
    // It answers to us but is not ours, or it does not answer: a server that we started goes, any other one stays.
    if (found === null && lock.next !== takenNext) await stopPostmaster(postmaster.pid, ground.clusterDir, atOnce);
    return lock;
  }
  let adopted = found !== null;
  if (adopted && (await fingerprintOf(ground, postmaster.port)) !== ground.settings.fingerprint) {
    options.log.info('the PostgreSQL left by a former start has other settings: starting it again');
    await lock.release();
    await stopPostmaster(postmaster.pid, ground.clusterDir, { immediately: false });
    postmaster = await startAnew(ground, undefined);
    if (isCannotStart(postmaster)) return postmaster;
    lock = await own(ground, postmaster, options, onLost);
    if (isCannotStart(lock)) return lock;
    adopted = false;
  }
  const supervised = { postmaster, lock: lock as HeldLock | undefined };
  const { mend, stop } = supervise(ground, options, supervised);
  session.onLost = mend;
  return {
    url: urlOf(ground, postmaster.port, embeddedDatabase),
    port: postmaster.port,
    pid: () => supervised.postmaster.pid,
    adopted,
    passwordFile: ground.passwordFile,
    logDir: ground.logDir,
    stop,
  };
}

const atOnce = { immediately: true };

/** Watches the server; starts it again when it has died; takes the lock again when its session has ended. */
function supervise(
  ground: Ground,
  options: EmbeddedOptions,
  supervised: { postmaster: Postmaster; lock: HeldLock | undefined },
) {
  const watchEveryMs = 200;
  let livedMs = stopwatch();
  const livesMs: number[] = [];
  let stopping = false;
  let mending: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (!isAlive(supervised.postmaster.pid)) mend();
  }, watchEveryMs);
  timer.unref();

  function mend(): void {
    if (stopping || mending !== undefined) return;
    mending = mendNow()
      .catch((error) => giveUp(explainSystemError(error, ground.clusterDir) ?? lost(toError(error).message)))
      .finally(() => (mending = undefined));
  }

  async function mendNow(): Promise<void> {
    supervised.lock = undefined;
    // A session may end a moment before its server does.
    await sleep(50);
    if (!isAlive(supervised.postmaster.pid)) {
      livesMs.push(livedMs());
      if (diesAtOnce(livesMs)) return giveUp(lost('it dies as soon as it runs'));
      options.log.warn('PostgreSQL died: starting it again', { pid: supervised.postmaster.pid, count: livesMs.length });
      await clearRemains(ground.clusterDir);
      const other = await runningPostmaster(ground.clusterDir);
      const next = other ?? (await startAnew(ground, supervised.postmaster.port));
      if (isCannotStart(next)) return giveUp(next);
      supervised.postmaster = next;
      livedMs = stopwatch();
      options.log.info('PostgreSQL runs again', { pid: next.pid, port: next.port });
    }
    if (stopping) return;
    const lock = await own(ground, supervised.postmaster, options, mend);
    if (isCannotStart(lock)) return giveUp(lock);
    supervised.lock = lock;
  }

  function giveUp(fault: CannotStart): void {
    clearInterval(timer);
    if (!stopping) options.onLost?.(fault);
  }

  async function stop(how: { readonly immediately: boolean } = { immediately: false }): Promise<void> {
    const first = !stopping;
    stopping = true;
    clearInterval(timer);
    if (first) await mending;
    await supervised.lock?.release();
    if (isAlive(supervised.postmaster.pid)) {
      const result = await stopPostmaster(supervised.postmaster.pid, ground.clusterDir, how);
      if (result === 'forced' && !how.immediately) options.log.warn('PostgreSQL did not stop in time and was ended');
    }
  }
  return { mend, stop };
}

function lost(reason: string): CannotStart {
  return cannotStart(
    `PostgreSQL is gone and could not be brought back: ${reason}.`,
    'Look into its log, and start again.',
  );
}

/** Starts the server on the port it had, or on the given one and no other. */
async function startAnew(ground: Ground, fixedPort: number | undefined): Promise<Postmaster | CannotStart> {
  let portWasBusy = false;
  for (let tryNumber = 1; tryNumber <= startTriesMax; tryNumber += 1) {
    const port = fixedPort ?? (await choosePort(ground.clusterDir, { avoidLast: portWasBusy }));
    const outcome = await startPostmaster({ ...ground, settings: ground.settings.arguments, port });
    switch (outcome.kind) {
      case 'ready':
        return outcome.postmaster;
      case 'port-busy':
        portWasBusy = true;
        if (fixedPort !== undefined) await sleep(500);
        break;
      case 'remains': {
        // Another start of the same data was a moment faster, or the children of a killed server are still leaving.
        const other = await runningPostmaster(ground.clusterDir);
        if (other !== null) return other;
        await clearRemains(ground.clusterDir);
        break;
      }
      case 'failed':
        return explainServerOutput(outcome.output, ground.clusterDir, ground.logDir);
      default:
        return never(outcome, 'the outcome of starting PostgreSQL');
    }
  }
  return cannotStart(
    'PostgreSQL could not be started: what a former one left behind does not go away.',
    `Its log is in ${ground.logDir}.`,
  );
}
