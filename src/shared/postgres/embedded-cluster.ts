import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './embedded-binaries.ts';
import { type CannotStart, cannotStart, explainServerOutput } from './embedded-fault.ts';
import { handOver, type Runner } from './embedded-user.ts';

/** The role that owns everything in the embedded server. */
export const embeddedRole = 'onetill';

/** Where things lie below the data folder. */
export function clusterPaths(dataDir: string) {
  return {
    clusterDir: join(dataDir, 'postgres'),
    passwordFile: join(dataDir, 'postgres-password'),
    logDir: join(dataDir, 'log', 'postgres'),
    startLog: join(dataDir, 'log', 'postgres', 'start.log'),
  };
}

/** The password of the embedded server: made once, kept in a file that only its owner reads. */
export async function keptPassword(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => null);
  if (kept !== null) return kept.trim();
  // Written aside and linked: of two first starts at once both read the one that won, and whole.
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flush: true });
  try {
    await link(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(aside);
  }
  return (await readFile(file, 'utf8')).trim();
}

/**
 * Makes sure that there is a database cluster of the right version. It is made in a folder of its own and renamed when
 * whole, so that a start that was killed half-way leaves only waste, which the next one sweeps.
 */
export async function ensureCluster(options: {
  readonly dataDir: string;
  readonly binaries: Binaries;
  readonly runner: Runner;
  readonly durable: boolean;
  readonly onProgress: (line: string) => void;
}): Promise<CannotStart | null> {
  const { dataDir, binaries, runner } = options;
  const { clusterDir, passwordFile, logDir, startLog } = clusterPaths(dataDir);
  const state = await lookAt(clusterDir, binaries);
  if (state !== 'missing') return state === 'good' ? null : state;
  options.onProgress('Making the database (once, a few seconds) …');
  await sweepHalfMade(dataDir);
  const password = await keptPassword(passwordFile);
  const halfMade = await mkdtemp(join(dataDir, `${halfMadePrefix}${process.pid}-`));
  try {
    const target = join(halfMade, 'cluster');
    const passwordCopy = join(halfMade, 'password');
    await mkdir(target, { mode: 0o700 });
    await writeFile(passwordCopy, `${password}\n`, { mode: 0o600 });
    for (const path of [halfMade, target, passwordCopy]) await handOver(path, runner);
    const made = await runInitdb({ ...options, target, passwordCopy });
    if (made.status !== 0) {
      await ensureFolder(logDir, runner);
      await writeFile(startLog, made.output);
      return explainServerOutput(made.output, dataDir, startLog);
    }
    await rename(target, clusterDir);
    await flushFolder(dataDir);
    return null;
  } catch (error) {
    // Another start was faster: its cluster is as good as ours.
    if (['ENOTEMPTY', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) return null;
    throw error;
  } finally {
    await rm(halfMade, { recursive: true, force: true });
  }
}

const halfMadePrefix = 'postgres.new-';

async function lookAt(clusterDir: string, binaries: Binaries): Promise<'missing' | 'good' | CannotStart> {
  const entries = await readdir(clusterDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length === 0) return 'missing';
  const version = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(() => '');
  if (version.trim() === binaries.majorVersion) return 'good';
  if (version === '') {
    return cannotStart(
      `${clusterDir} is damaged: it is not empty, and it is not a database.`,
      'Put it back from a copy, or begin anew with: npm start -- --reset',
    );
  }
  return cannotStart(
    `The data in ${clusterDir} was written by PostgreSQL ${version.trim()}; ` +
      `this Onetill brings ${binaries.majorVersion}.`,
    'Start it with the Onetill that wrote it, name another folder with --data DIR, ' +
      'or begin anew with: npm start -- --reset',
  );
}

async function runInitdb(options: {
  readonly binaries: Binaries;
  readonly runner: Runner;
  readonly durable: boolean;
  readonly target: string;
  readonly passwordCopy: string;
}): Promise<{ status: number | null; output: string }> {
  const command = options.runner.command(options.binaries.initdb, [
    `--pgdata=${options.target}`,
    `--username=${embeddedRole}`,
    `--pwfile=${options.passwordCopy}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The locale that PostgreSQL itself provides: the same order on every machine, and no operating system in it.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
    ...(options.durable ? [] : ['--no-sync']),
  ]);
  return new Promise((resolve) => {
    // A session of its own: Ctrl-C is ours to handle.
    const child = spawn(command.file, command.args, {
      ...command.options,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outputCharsMax = 20_000;
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-outputCharsMax));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ status: null, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Removes what starts that were killed have left, but not what a living one is making. */
async function sweepHalfMade(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = /^postgres\.new-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // An initdb whose start was killed may still write for a moment; what it leaves is swept another time.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(() => {});
  }
}

/** Whether there is a process of this id, whoever it belongs to. One that only waits for its parent is dead. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  // In a container nobody may ever collect an orphan's end.
  return process.platform !== 'linux' || !/\) [ZX] /.test(statOf(pid));
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().catch(() => {});
  await folder.close();
}

/** Creates a folder and hands it to the user of PostgreSQL, unless it is there. */
export async function ensureFolder(path: string, runner: Runner): Promise<void> {
  if (await stat(path).catch(() => null)) return;
  await mkdir(path, { mode: 0o700, recursive: true });
  await handOver(path, runner);
}
