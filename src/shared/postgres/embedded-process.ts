import { execFile, spawn } from 'node:child_process';
import { close, open } from 'node:fs';
import { readdir, readFile, readlink, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep, stopwatch } from '../clock.ts';
import type { Binaries } from './embedded-binaries.ts';
import { isAlive } from './embedded-cluster.ts';
import type { Runner } from './embedded-user.ts';

export type Postmaster = { readonly pid: number; readonly port: number };

export type StartOutcome =
  | { readonly kind: 'ready'; readonly postmaster: Postmaster }
  | { readonly kind: 'port-busy' }
  /** Backends of a server that was killed still hold the shared memory; they are about to notice. */
  | { readonly kind: 'remains' }
  | { readonly kind: 'failed'; readonly output: string };

const pollMs = 20;
/** Recovery after a kill replays at most the log since the last checkpoint: seconds, on a slow disk a minute. */
const readyWaitMs = 120_000;

/** Starts `postgres` in a session of its own, out of reach of Ctrl-C, and waits until it takes connections. */
export async function startPostmaster(options: {
  readonly binaries: Binaries;
  readonly runner: Runner;
  readonly clusterDir: string;
  readonly port: number;
  readonly settings: readonly string[];
  readonly startLog: string;
  readonly onProgress: (line: string) => void;
}): Promise<StartOutcome> {
  const { binaries, runner, clusterDir, port, startLog } = options;
  const command = runner.command(binaries.postgres, ['-D', clusterDir, '-p', String(port), ...options.settings]);
  const log = await promisify(open)(startLog, 'w', 0o600);
  const child = spawn(command.file, command.args, {
    ...command.options,
    detached: true,
    stdio: ['ignore', log, log],
  });
  await promisify(close)(log);
  child.unref();
  let ended: string | undefined;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', () => (ended = ''));
  const elapsedMs = stopwatch();
  let toldRecovery = false;
  while (ended === undefined && elapsedMs() < readyWaitMs) {
    const file = await readPidFile(clusterDir);
    if (file?.status === 'ready' && file.pid === child.pid) {
      return { kind: 'ready', postmaster: { pid: file.pid, port } };
    }
    if (!toldRecovery && elapsedMs() > 1500) {
      options.onProgress('Recovering the database …');
      toldRecovery = true;
    }
    await sleep(pollMs);
  }
  if (ended === undefined && child.pid !== undefined)
    await stopPostmaster(child.pid, clusterDir, { immediately: true });
  const output = `${ended ?? ''}\n${await readFile(startLog, 'utf8').catch(() => '')}`;
  if (/Address already in use/.test(output)) return { kind: 'port-busy' };
  if (/pre-existing shared memory block|is another postmaster|lock file .* already exists/i.test(output)) {
    return { kind: 'remains' };
  }
  return { kind: 'failed', output };
}

/** The server that runs on this folder, or null. Clears away what would keep a new one from starting. */
export async function runningPostmaster(clusterDir: string): Promise<Postmaster | null> {
  const elapsedMs = stopwatch();
  while (elapsedMs() < readyWaitMs) {
    const file = await readPidFile(clusterDir);
    if (file === null) return null;
    if (!isAlive(file.pid) || !(await worksIn(file.pid, clusterDir))) {
      await clearStalePidFile(file, clusterDir);
      return null;
    }
    if (file.status === 'ready') return { pid: file.pid, port: file.port };
    // Starting or stopping: in a moment it will be one or the other.
    await sleep(pollMs);
  }
  return null;
}

/**
 * PostgreSQL takes a pid file whose number is in use for a brother at work and refuses to start: also when the number
 * went to another program after a kill, or when nobody has collected the dead one yet. While children of a killed
 * server still hold its memory the file stays, because PostgreSQL waits for them by it.
 */
async function clearStalePidFile(stale: PidFile, clusterDir: string): Promise<void> {
  if ((await processesIn(clusterDir)).length > 0) return;
  if ((await readPidFile(clusterDir))?.pid !== stale.pid) return;
  await unlink(join(clusterDir, 'postmaster.pid')).catch(() => {});
}

/** Fast shutdown; when that takes too long, immediate (it recovers at the next start); at last, the kill. */
export async function stopPostmaster(
  pid: number,
  clusterDir: string,
  options: { readonly immediately: boolean },
): Promise<'clean' | 'forced'> {
  const fastWaitMs = 15_000;
  const immediateWaitMs = 5_000;
  if (!options.immediately) {
    signal(pid, 'SIGINT');
    if (await gone(pid, fastWaitMs)) {
      // The process that writes the log leaves last.
      await clearRemains(clusterDir);
      return 'clean';
    }
  }
  signal(pid, 'SIGQUIT');
  if (!(await gone(pid, immediateWaitMs))) {
    signal(pid, 'SIGKILL');
    await gone(pid, immediateWaitMs);
  }
  await clearRemains(clusterDir);
  return 'forced';
}

/** Waits for the children of a server that was killed, and ends those that do not end by themselves. */
export async function clearRemains(clusterDir: string): Promise<void> {
  const elapsedMs = stopwatch();
  const patienceMs = 3_000;
  const giveUpMs = 6_000;
  for (;;) {
    const remains = await processesIn(clusterDir);
    if (remains.length === 0 || elapsedMs() > giveUpMs) return;
    if (elapsedMs() > patienceMs) for (const pid of remains) signal(pid, 'SIGKILL');
    await sleep(pollMs);
  }
}

/** The port that the server last had, so that addresses stay the same across starts; else any free one. */
export async function choosePort(clusterDir: string, options: { readonly avoidLast: boolean }): Promise<number> {
  const lastCommand = await readFile(join(clusterDir, 'postmaster.opts'), 'utf8').catch(() => '');
  const last = Number(/"-p" "(\d+)"/.exec(lastCommand)?.[1] ?? 0);
  if (last > 0 && !options.avoidLast && (await freePort(last)) !== null) return last;
  return (await freePort(0)) ?? 0;
}

async function freePort(wanted: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(null));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

type PidFile = { readonly pid: number; readonly port: number; readonly status: string };

/** postmaster.pid: pid, folder, start time, port, socket folder, address, shared memory, status; one a line. */
async function readPidFile(clusterDir: string): Promise<PidFile | null> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() };
}

/** Servers and their children work inside their data folder; without /proc, the server's command line names it. */
async function worksIn(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const shown = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    return shown.stdout.includes('postgres') && shown.stdout.includes(clusterDir);
  }
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  return folder === clusterDir;
}

async function processesIn(clusterDir: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await worksIn(pid, clusterDir)) ? [pid] : [])));
  // A shell that somebody opened in the folder is not ours to end.
  const ours = await Promise.all(found.flat().map(async (pid) => ((await isPostgres(pid)) ? [pid] : [])));
  return ours.flat();
}

async function isPostgres(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).startsWith('postgres');
}

async function gone(pid: number, waitMs: number): Promise<boolean> {
  const elapsedMs = stopwatch();
  while (isAlive(pid)) {
    if (elapsedMs() > waitMs) return false;
    await sleep(pollMs);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already, which is what the signal was for.
  }
}
